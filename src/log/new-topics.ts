import type { Config } from '../config.js';
import { deadLetterTopic } from '../topics.js';
import type { NewTopic } from './topic-admin.js';

export type TopicSettings = Pick<
  Config,
  'mode' | 'TOPIC_PARTITIONS' | 'TOPIC_REPLICATION' | 'TOPIC_RETENTION_HOURS' | 'TOPIC_MIN_INSYNC_REPLICAS' | 'TOPIC_OVERRIDES'
>;

const HOUR_MS = 3_600_000;

/**
 * Partitions and configs, from the settings, of a new topic and its dead-letter topic. A dead letter goes to the partition with the number of
 * its original one, so both topics have the same partition count; its retention is three times as long, so that an operator can examine it.
 */
export function newTopics(name: string, settings: TopicSettings): NewTopic[] {
  const wanted = (property: string, byDefault: number | undefined, of: string): number | undefined =>
    settings.TOPIC_OVERRIDES.find((each) => each.topic === of && each.property === property)?.value ?? byDefault;
  const partitions = wanted('partitions', settings.TOPIC_PARTITIONS ?? (settings.mode === 'distributed' ? 12 : 4), name)!;
  return [name, deadLetterTopic(name)].map((each) => {
    const hours = wanted('retention_hours', settings.TOPIC_RETENTION_HOURS && settings.TOPIC_RETENTION_HOURS * (each === name ? 1 : 3), each);
    const insync = wanted('min_insync_replicas', settings.TOPIC_MIN_INSYNC_REPLICAS, each);
    return {
      name: each,
      partitions,
      replication: wanted('replication', wanted('replication', settings.TOPIC_REPLICATION, name), each),
      config: {
        ...(hours !== undefined && { 'retention.ms': String(hours * HOUR_MS) }),
        ...(insync !== undefined && { 'min.insync.replicas': String(insync) }),
      },
    };
  });
}
