import type { Config } from '../config.js';
import { deadLetterTopic } from '../topics.js';
import type { NewTopic } from './topic-admin.js';

export type TopicSettings = Pick<
  Config,
  'mode' | 'TOPIC_PARTITIONS' | 'TOPIC_REPLICATION' | 'TOPIC_RETENTION_HOURS' | 'TOPIC_MIN_INSYNC_REPLICAS' | 'TOPIC_OVERRIDES'
>;

const HOUR_MS = 3_600_000;

/**
 * How the settings want a topic and its dead letters to be created. Dead letters go to the partition of their number, so they have as many,
 * and they are kept three times as long: somebody has to look at them first.
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
