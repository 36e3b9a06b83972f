import type { Database } from '../../database/database.client.js';
import type { LogRecord, TopicPartition } from '../event-log.js';

const COLUMNS = ['topic', 'partition_no', 'record_offset', 'timestamp', 'record_key', 'value', 'headers'];

/**
 * Imports records of another log into an empty partition, with the same offsets, timestamps, keys, bytes and headers.
 * The partition starts at `from`. Returns the number of records.
 */
export async function importRecords(
  database: Database,
  at: TopicPartition,
  from: number,
  batches: AsyncIterable<readonly LogRecord[]>,
): Promise<number> {
  let count = 0;
  let size = 0;
  let end = from;
  for await (const records of batches) {
    count += records.length;
    for (const { key, value } of records) size += (key?.length ?? 0) + (value?.length ?? 0);
    end = (records.at(-1)?.offset ?? end - 1) + 1;
    await database.transaction(() => database.insert('log_record', COLUMNS, records.map(rowOf(at))));
  }
  await database.transaction(() =>
    database.execute('UPDATE log_partition SET low = ?, high = ?, bytes = ? WHERE topic = ? AND partition_no = ?', [
      from,
      end,
      size,
      at.topic,
      at.partition,
    ]),
  );
  return count;
}

const rowOf =
  ({ topic, partition }: TopicPartition) =>
  ({ offset, timestamp, key, value, headers }: LogRecord): unknown[] => [
    topic,
    partition,
    offset,
    timestamp,
    key,
    value,
    Object.keys(headers).length > 0 ? JSON.stringify(headers) : null,
  ];
