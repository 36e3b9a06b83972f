import type { PartitionOffsets } from './event-log.js';
import type { TopicPartition } from './topic-partition.js';

/** Log start offset and high watermark of one partition; undefined when the partition does not exist. */
export async function boundsOf(
  log: { offsets(topic: string): Promise<readonly PartitionOffsets[]> },
  { topic, partition }: TopicPartition,
): Promise<PartitionOffsets | undefined> {
  return (await log.offsets(topic)).find((bounds) => bounds.partition === partition);
}
