import { bigint, blob, int, json, ms, nullable, textColumn } from '../../database/column.js';
import { table } from '../../database/table.js';

const sqliteOnly = { only: 'sqlite', isWithoutRowid: true } as const;

interface StoredTopic {
  readonly topic: string;
  readonly partitions: number;
}

interface StoredLogPartition {
  readonly topic: string;
  readonly partition_no: number;
  readonly low: number;
  readonly high: number;
  readonly bytes: number;
}

interface StoredRecord {
  readonly topic: string;
  readonly partition_no: number;
  readonly record_offset: number;
  readonly timestamp: number;
  readonly record_key: unknown;
  readonly value: unknown;
  readonly headers: Readonly<Record<string, string>> | null;
}

interface StoredGroupOffset {
  readonly consumer_group: string;
  readonly topic: string;
  readonly partition_no: number;
  readonly next_offset: number;
}

export const logTopicTable = table<StoredTopic>('log_topic', { topic: textColumn(249), partitions: int() }, { primaryKey: ['topic'], ...sqliteOnly });

export const logPartitionTable = table<StoredLogPartition>(
  'log_partition',
  { topic: textColumn(249), partition_no: int(), low: bigint(), high: bigint(), bytes: bigint() },
  { primaryKey: ['topic', 'partition_no'], ...sqliteOnly },
);

export const logRecordTable = table<StoredRecord>(
  'log_record',
  {
    topic: textColumn(249),
    partition_no: int(),
    record_offset: bigint(),
    timestamp: ms(),
    record_key: nullable(blob()),
    value: nullable(blob()),
    headers: nullable(json()),
  },
  { primaryKey: ['topic', 'partition_no', 'record_offset'], ...sqliteOnly },
);

export const logPositionTable = table<StoredGroupOffset>(
  'log_position',
  { consumer_group: textColumn(128), topic: textColumn(249), partition_no: int(), next_offset: bigint() },
  { primaryKey: ['consumer_group', 'topic', 'partition_no'], ...sqliteOnly },
);
