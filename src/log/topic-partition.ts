/** A partition of a topic, by its name without prefix. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}
