declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: import('./patches.js').RequestQueueInternals };
  export default RequestQueue;
}

declare module 'kafkajs/src/consumer/consumerGroup.js' {
  const ConsumerGroup: { prototype: import('./patches.js').ConsumerGroupInternals & Record<symbol, (() => Promise<void>) | undefined> };
  export default ConsumerGroup;
}

declare module 'kafkajs-snappy' {
  const codec: () => import('./codecs.js').Codec;
  export default codec;
}

declare module 'lz4js' {
  export function compress(input: Uint8Array): Uint8Array;
  export function decompress(input: Uint8Array): Uint8Array;
}
