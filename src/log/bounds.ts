import type { PartitionOffsets } from './event-log.js';
import type { TopicPartition } from './topic-partition.js';

/** First and next offset of one partition; undefined where there is no such partition. */
export async function boundsOf(
  log: { offsets(topic: string): Promise<readonly PartitionOffsets[]> },
  { topic, partition }: TopicPartition,
): Promise<PartitionOffsets | undefined> {
  return (await log.offsets(topic)).find((bounds) => bounds.partition === partition);
}
