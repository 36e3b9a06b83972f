export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

/** Result of one partition in a Produce response. */
export interface PartitionProduceResponse {
  readonly topic: string;
  readonly partition: number;
  /** Error code of the Kafka protocol; 0 is success. */
  readonly errorCode: number;
  /** Offset of the first record of the batch. */
  readonly baseOffset: number;
}

export interface ProduceResponse {
  readonly partitions: readonly PartitionProduceResponse[];
  /** Milliseconds for which the broker throttles this client. */
  readonly throttleMs: number;
}

const encodeString = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.allocUnsafe(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const encodeInt32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/**
 * Encodes a Produce request, version 7, with acks=all; `timeoutMs` is how long the leader waits for the in-sync replicas.
 * The encoder of kafkajs allows one codec and one producer epoch per request, and its response handling throws the first partition's error.
 */
export function encodeProduceRequest(batches: readonly PartitionBatch[], timeoutMs: number): Buffer {
  const byTopic = new Map<string, PartitionBatch[]>();
  for (const batch of batches) byTopic.set(batch.topic, [...(byTopic.get(batch.topic) ?? []), batch]);
  const parts = [Buffer.from([0xff, 0xff, 0xff, 0xff]), encodeInt32(timeoutMs), encodeInt32(byTopic.size)];
  for (const [topic, own] of byTopic) {
    parts.push(encodeString(topic), encodeInt32(own.length));
    for (const { partition, batch } of own) parts.push(encodeInt32(partition), encodeInt32(batch.length), batch);
  }
  return Buffer.concat(parts);
}

/** Decodes the response to {@link encodeProduceRequest}. */
export function decodeProduceResponse(payload: Buffer): ProduceResponse {
  const partitions: PartitionProduceResponse[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const count = payload.readInt32BE(at);
    at += 4;
    // Each entry ends with log_append_time and log_start_offset.
    for (let index = 0; index < count; index++, at += 30) {
      const baseOffset = Number(payload.readBigInt64BE(at + 6));
      partitions.push({ topic, partition: payload.readInt32BE(at), errorCode: payload.readInt16BE(at + 4), baseOffset });
    }
  }
  return { partitions, throttleMs: payload.readInt32BE(at) };
}
