declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: import('./kafkajs-patches.client.js').RequestQueueInternals };
  export default RequestQueue;
}

declare module 'kafkajs/src/network/connection.js' {
  import type { ConnectionInternals } from './kafkajs-patches.client.js';
  const Connection: { prototype: ConnectionInternals };
  export default Connection;
}
declare module 'kafkajs/src/consumer/consumerGroup.js' {
  const ConsumerGroup: {
    prototype: import('./kafkajs-patches.client.js').ConsumerGroupInternals & Record<symbol, (() => Promise<void>) | undefined>;
  };
  export default ConsumerGroup;
}

declare module 'kafkajs-snappy' {
  const codec: () => import('./codecs.client.js').KafkajsCodec;
  export default codec;
}

declare module 'kafkajs/src/consumer/batch.js' {
  import type { KafkaMessage } from 'kafkajs';
  /** Records of one partition in a Fetch response; `messages` excludes control records and aborted transactions. */
  export default class Batch {
    constructor(topic: string, fetchedOffset: string, partition: import('./fetch-response.js').FetchPartitionResponse);
    readonly messages: KafkaMessage[];
    readonly rawMessages: readonly unknown[];
    lastOffset(): string;
  }
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  const protocol: { requests: Record<Exclude<import('./api-keys.js').RequestName, 'IncrementalAlterConfigs'>, object> };
  export default protocol;
}

declare module 'kafkajs/src/protocol/error.js' {
  const errors: { createErrorFromCode(code: number): Error & { readonly type: string; readonly retriable: boolean } };
  export default errors;
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    writeInt8(value: number): this;
    writeString(value: string): this;
    writeBoolean(value: boolean): this;
    writeArray(elements: readonly Encoder[]): this;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: Buffer);
    readInt16(): number;
    readInt32(): number;
    readString(): string | null;
  }
}
