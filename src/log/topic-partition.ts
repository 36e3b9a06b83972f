/** A partition of a topic, by its name without prefix. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition in log lines and as a key of maps: `topic/partition`. */
export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
