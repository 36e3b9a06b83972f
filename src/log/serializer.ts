import { parseJson } from '../shared/json.js';

/**
 * How a message becomes the bytes of a record and comes back. JSON unless a deployment has its own, for example the format of a schema registry:
 * `deserialize` throws a JsonError or a PoisonError for bytes that can never be read, and what it answers is checked against the topic's schema.
 */
export interface Serializer {
  serialize(topic: string, message: unknown): string | Buffer;
  /** JSON of one message, made before, as bytes of a record: for those who have encoded it already. */
  wrap(topic: string, json: string): string | Buffer;
  deserialize(topic: string, bytes: Buffer): unknown;
}

export const jsonSerializer: Serializer = {
  serialize: (_topic, message) => JSON.stringify(message),
  wrap: (_topic, json) => json,
  deserialize: (_topic, bytes) => parseJson(bytes),
};
