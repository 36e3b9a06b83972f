import type { TopicPartition } from '../topic-partition.js';

/** Ordering key of everything that the handler of a partition publishes. */
export const orderingKeyOf = (group: string, { topic, partition }: TopicPartition): string => `${group}/${topic}/${partition}`;
