import type { NewTopic } from '../../log/topic-admin.js';

/** Requested properties of a topic; absent properties keep their value, or default to the settings and the broker configuration. */
export interface TopicShape {
  readonly partitions?: number | undefined;
  readonly replication?: number | undefined;
  /** −1: unlimited. */
  readonly retention_hours?: number | undefined;
  readonly retention_bytes?: number | undefined;
  readonly min_insync_replicas?: number | undefined;
  readonly max_message_bytes?: number | undefined;
}

/** Facts about the cluster that limit a topic. */
export interface ShapeContext {
  readonly brokers: number;
  /** Replication factor that the topic has or will have. */
  readonly replication: number;
  /** Maximum size of a record that Tocsin publishes. */
  readonly recordBytes: number;
}

export interface ShapeReview {
  /** Reasons for rejection. */
  readonly refusals: readonly string[];
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
}

const HOUR_MS = 3_600_000;
/** Kafka uses topic names as directory names. */
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const MOST_PARTITIONS = 10_000;

/** Rejections and warnings for a topic of this name and shape. */
export function reviewShape(name: string, shape: TopicShape, { brokers, replication, recordBytes }: ShapeContext): ShapeReview {
  const { partitions, min_insync_replicas: insync, retention_hours: hours, max_message_bytes: bytes } = shape;
  const refusals = [
    !NAME.test(name) && `${name} is not a valid topic name: 1 to 249 letters, digits, dots, underscores and hyphens`,
    partitions !== undefined && (partitions < 1 || partitions > MOST_PARTITIONS) && `partitions must be 1 to ${MOST_PARTITIONS}, not ${partitions}`,
    replication < 1 && 'replication must be at least 1',
    replication > brokers && `replication ${replication} requires ${replication} brokers, but the cluster has ${brokers}`,
    insync !== undefined && insync < 1 && 'min.insync.replicas must be at least 1',
    insync !== undefined && insync > replication && `min.insync.replicas ${insync} with replication ${replication}: every write would fail`,
    hours !== undefined && hours !== -1 && hours < 1 && 'retention must be at least one hour, or -1 (unlimited)',
    bytes !== undefined && bytes < 1024 && 'max.message.bytes must be at least 1024',
  ];
  const warnings = [
    replication < 2 && brokers > 1 && `replication 1 on ${brokers} brokers: a broker failure loses records`,
    insync !== undefined &&
      insync === replication &&
      replication > 1 &&
      `min.insync.replicas ${insync} of ${replication}: one broker down blocks writes`,
    hours !== undefined && hours > 0 && hours < 24 && `retention of ${hours} h: a longer outage loses records (T6101)`,
    bytes !== undefined &&
      bytes < recordBytes &&
      `max.message.bytes ${bytes} is lower than the maximum record size ${recordBytes} (MAX_EVENT_BYTES): larger events are refused`,
  ];
  return { refusals: refusals.filter((each) => each !== false), warnings: warnings.filter((each) => each !== false) };
}

/** The shape as Kafka topic configuration. */
export function configOf({ retention_hours: hours, retention_bytes, min_insync_replicas, max_message_bytes }: TopicShape): Record<string, string> {
  const config: Record<string, number | undefined> = {
    'retention.ms': hours === undefined ? undefined : hours === -1 ? -1 : hours * HOUR_MS,
    'retention.bytes': retention_bytes,
    'min.insync.replicas': min_insync_replicas,
    'max.message.bytes': max_message_bytes,
  };
  return Object.fromEntries(Object.entries(config).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}

/** The default topic with the requested properties. */
export function withShape(wanted: NewTopic, shape: TopicShape): NewTopic {
  return {
    name: wanted.name,
    partitions: shape.partitions ?? wanted.partitions,
    replication: shape.replication ?? wanted.replication,
    config: { ...wanted.config, ...configOf(shape) },
  };
}
