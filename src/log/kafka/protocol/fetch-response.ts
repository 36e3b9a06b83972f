import type { KafkaMessage } from 'kafkajs';

/** One partition of a Fetch response, as kafkajs decodes it. */
export interface FetchPartitionResponse {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly abortedTransactions?: unknown;
  readonly messages: readonly KafkaMessage[];
}
