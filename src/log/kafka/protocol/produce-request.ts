/** A batch on its way to a partition. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

/** What the broker says about the batch of one partition. */
export interface PartitionAnswer {
  readonly topic: string;
  readonly partition: number;
  /** 0, or an error code of Kafka's protocol. */
  readonly code: number;
  /** Offset of the first record. */
  readonly offset: number;
}

export interface ProduceAnswer {
  readonly partitions: readonly PartitionAnswer[];
  /** How long (ms) the broker wants to be left alone. */
  readonly throttleMs: number;
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.allocUnsafe(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const int32 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/**
 * Body of a Produce request, version 7, with acks=all: `timeoutMs` is how long the leader waits for the replicas.
 * kafkajs' own takes one codec and one epoch for all partitions, and answers the first error for all of them.
 */
export function produceRequest(batches: readonly PartitionBatch[], timeoutMs: number): Buffer {
  const byTopic = new Map<string, PartitionBatch[]>();
  for (const batch of batches) byTopic.set(batch.topic, [...(byTopic.get(batch.topic) ?? []), batch]);
  const parts = [Buffer.from([0xff, 0xff, 0xff, 0xff]), int32(timeoutMs), int32(byTopic.size)];
  for (const [topic, own] of byTopic) {
    parts.push(text(topic), int32(own.length));
    for (const { partition, batch } of own) parts.push(int32(partition), int32(batch.length), batch);
  }
  return Buffer.concat(parts);
}

/** Reads the answer to {@link produceRequest}. */
export function produceAnswer(payload: Buffer): ProduceAnswer {
  const partitions: PartitionAnswer[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const count = payload.readInt32BE(at);
    at += 4;
    // Behind the offset: when the log got it, and where the log begins.
    for (let index = 0; index < count; index++, at += 30) {
      const offset = Number(payload.readBigInt64BE(at + 6));
      partitions.push({ topic, partition: payload.readInt32BE(at), code: payload.readInt16BE(at + 4), offset });
    }
  }
  return { partitions, throttleMs: payload.readInt32BE(at) };
}
