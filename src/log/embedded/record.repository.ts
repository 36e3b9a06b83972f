import type { Database } from '../../database/database.client.js';
import { bytes, sqliteConnection, type SqliteConnection, type SqliteStatement } from '../../database/sqlite.js';
import type { LogRecord, OutgoingRecord, PartitionOffsets, TopicPartition } from '../event-log.js';

interface RecordRow {
  record_offset: number;
  timestamp: number;
  record_key: unknown;
  value: unknown;
  headers: string | null;
}

interface PartitionRow {
  partition_no: number;
  low: number;
  high: number;
  bytes: number;
}

/** Size limit of a batch. */
const READ_BYTES = 8 * 1024 * 1024;

/** The SQL statements of the embedded log, prepared once and run synchronously. Writes need an open transaction. */
export class RecordRepository {
  readonly #writer: SqliteConnection;
  readonly #reader: SqliteConnection;
  readonly #statements = new Map<string, SqliteStatement>();

  constructor(database: Database) {
    this.#writer = sqliteConnection(database.writer);
    this.#reader = sqliteConnection(database.reader);
  }

  #write(sql: string): SqliteStatement {
    return this.#prepared(`w ${sql}`, this.#writer, sql);
  }

  #read(sql: string): SqliteStatement {
    return this.#prepared(`r ${sql}`, this.#reader, sql);
  }

  #prepared(key: string, connection: SqliteConnection, sql: string): SqliteStatement {
    let statement = this.#statements.get(key);
    if (!statement) this.#statements.set(key, (statement = connection.prepare(sql)));
    return statement;
  }

  topics(): [string, number][] {
    const rows = this.#read('SELECT topic, partitions FROM log_topic').all() as { topic: string; partitions: number }[];
    return rows.map(({ topic, partitions }) => [topic, partitions]);
  }

  create(topic: string, partitions: number): void {
    this.#write('INSERT INTO log_topic (topic, partitions) VALUES (?, ?) ON CONFLICT DO NOTHING').run(topic, partitions);
    const row = this.#write('SELECT partitions FROM log_topic WHERE topic = ?').get(topic) as { partitions: number };
    const insert = this.#write('INSERT INTO log_partition (topic, partition_no, low, high, bytes) VALUES (?, ?, 0, 0, 0) ON CONFLICT DO NOTHING');
    for (let partition = 0; partition < row.partitions; partition++) insert.run(topic, partition);
  }

  grow(topic: string, partitions: number): void {
    this.#write('UPDATE log_topic SET partitions = ? WHERE topic = ? AND partitions < ?').run(partitions, topic, partitions);
    this.create(topic, partitions);
  }

  /** Returns the offset of each record. */
  append(records: readonly (OutgoingRecord & { topic: string; partition: number })[], now: number): number[] {
    const offsets: number[] = [];
    const insert = this.#write(
      'INSERT INTO log_record (topic, partition_no, record_offset, timestamp, record_key, value, headers) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    const ends = new Map<string, { topic: string; partition: number; high: number; bytes: number }>();
    for (const { topic, partition, key, value, headers } of records) {
      const at = `${topic}/${partition}`;
      let end = ends.get(at);
      if (!end) ends.set(at, (end = { topic, partition, ...this.#end(topic, partition) }));
      const payload = typeof value === 'string' ? Buffer.from(value) : value;
      offsets.push(end.high);
      insert.run(topic, partition, end.high++, now, key === null ? null : Buffer.from(key), payload, headers ? JSON.stringify(headers) : null);
      end.bytes += (payload?.length ?? 0) + (key?.length ?? 0);
    }
    const update = this.#write('UPDATE log_partition SET high = ?, bytes = ? WHERE topic = ? AND partition_no = ?');
    for (const { topic, partition, high, bytes: size } of ends.values()) update.run(high, size, topic, partition);
    return offsets;
  }

  #end(topic: string, partition: number): { high: number; bytes: number } {
    const row = this.#write('SELECT high, bytes FROM log_partition WHERE topic = ? AND partition_no = ?').get(topic, partition);
    if (!row) throw new Error(`partition ${topic}/${partition} does not exist`);
    const { high, bytes: size } = row as PartitionRow;
    return { high, bytes: size };
  }

  read({ topic, partition }: TopicPartition, from: number, most: number): LogRecord[] {
    const rows = this.#read(
      `SELECT record_offset, timestamp, record_key, value, headers FROM log_record
       WHERE topic = ? AND partition_no = ? AND record_offset >= ? ORDER BY record_offset LIMIT ?`,
    ).all(topic, partition, from, most) as RecordRow[];
    const records: LogRecord[] = [];
    let size = 0;
    for (const row of rows) {
      const value = bytes(row.value);
      size += value?.length ?? 0;
      if (size > READ_BYTES && records.length > 0) break;
      records.push({
        offset: row.record_offset,
        timestamp: row.timestamp,
        key: bytes(row.record_key),
        value,
        headers: row.headers ? (JSON.parse(row.headers) as Record<string, string>) : {},
      });
    }
    return records;
  }

  high({ topic, partition }: TopicPartition): number {
    const row = this.#read('SELECT high FROM log_partition WHERE topic = ? AND partition_no = ?').get(topic, partition);
    return (row as PartitionRow | undefined)?.high ?? 0;
  }

  offsets(topic: string): PartitionOffsets[] {
    const rows = this.#read('SELECT partition_no, low, high FROM log_partition WHERE topic = ? ORDER BY partition_no').all(topic) as PartitionRow[];
    return rows.map(({ partition_no, low, high }) => ({ partition: partition_no, low, high }));
  }

  offsetsAt(topic: string, timestamp: number): Map<number, number> {
    const first = this.#read('SELECT MIN(record_offset) AS first FROM log_record WHERE topic = ? AND partition_no = ? AND timestamp >= ?');
    return new Map(
      this.offsets(topic).map(({ partition, high }) => {
        const row = first.get(topic, partition, timestamp) as { first: number | null };
        return [partition, row.first ?? high];
      }),
    );
  }

  positions(group: string, topic: string): Map<number, number> {
    const rows = this.#read('SELECT partition_no, next_offset FROM log_position WHERE consumer_group = ? AND topic = ?').all(group, topic);
    return new Map((rows as { partition_no: number; next_offset: number }[]).map((row) => [row.partition_no, row.next_offset]));
  }

  savePosition(group: string, { topic, partition }: TopicPartition, next: number): void {
    this.#write(
      `INSERT INTO log_position (consumer_group, topic, partition_no, next_offset) VALUES (?, ?, ?, ?)
       ON CONFLICT (consumer_group, topic, partition_no) DO UPDATE SET next_offset = excluded.next_offset`,
    ).run(group, topic, partition, next);
  }

  /** Deletes records older than `before` (epoch ms) and the oldest beyond `most` bytes, but none that a group has yet to process. */
  retain({ topic, partition }: TopicPartition, before: number, most: number): void {
    const at = [topic, partition];
    const row = this.#write('SELECT partition_no, low, high, bytes FROM log_partition WHERE topic = ? AND partition_no = ?').get(
      ...at,
    ) as PartitionRow;
    const needed = this.#write(
      "SELECT MIN(CASE WHEN state_offset < next_offset THEN state_offset ELSE next_offset END) AS least FROM stream_cursor WHERE topic = ? AND partition_no = ? AND consumer_group NOT LIKE 'source.%'",
    ).get(...at) as { least: number | null };
    let { low, bytes: size } = row;
    const end = Math.min(row.high, needed.least ?? row.high);
    while (low < end) {
      const oldest = this.#write(
        `SELECT record_offset, timestamp, COALESCE(LENGTH(value), 0) + COALESCE(LENGTH(record_key), 0) AS size FROM log_record
         WHERE topic = ? AND partition_no = ? AND record_offset >= ? AND record_offset < ? ORDER BY record_offset LIMIT 500`,
      ).all(...at, low, end) as { record_offset: number; timestamp: number; size: number }[];
      const start = low;
      for (const { record_offset, timestamp, size: each } of oldest) {
        if (timestamp >= before && size <= most) break;
        low = record_offset + 1;
        size -= each;
      }
      if (low === start) break;
      this.#write('DELETE FROM log_record WHERE topic = ? AND partition_no = ? AND record_offset < ?').run(...at, low);
    }
    if (low > row.low)
      this.#write('UPDATE log_partition SET low = ?, bytes = ? WHERE topic = ? AND partition_no = ?').run(low, Math.max(0, size), ...at);
  }
}
