/** A batch on its way to a partition. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

/** What the broker says about the batch of one partition. */
export interface PartitionProduceResponse {
  readonly topic: string;
  readonly partition: number;
  /** 0, or an error errorCode of Kafka's protocol. */
  readonly errorCode: number;
  /** Offset of the first record. */
  readonly baseOffset: number;
}

export interface ProduceResponse {
  readonly partitions: readonly PartitionProduceResponse[];
  /** How long (ms) the broker wants to be left alone. */
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
 * Body of a Produce request, version 7, with acks=all: `timeoutMs` is how long the leader waits for the replicas.
 * kafkajs' own takes one codec and one epoch for all partitions, and answers the first error for all of them.
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

/** Reads the answer to {@link encodeProduceRequest}. */
export function decodeProduceResponse(payload: Buffer): ProduceResponse {
  const partitions: PartitionProduceResponse[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const count = payload.readInt32BE(at);
    at += 4;
    // Behind the baseOffset: when the log got it, and where the log begins.
    for (let index = 0; index < count; index++, at += 30) {
      const baseOffset = Number(payload.readBigInt64BE(at + 6));
      partitions.push({ topic, partition: payload.readInt32BE(at), errorCode: payload.readInt16BE(at + 4), baseOffset });
    }
  }
  return { partitions, throttleMs: payload.readInt32BE(at) };
}
