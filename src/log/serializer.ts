import { parseJson } from '../shared/json.js';

/**
 * Serialization of messages. JSON unless a deployment has its own, for example the format of a schema registry: `deserialize` throws a
 * JsonError or a PoisonError for bytes that can never be parsed, and its result is validated against the topic's schema.
 */
export interface Serializer {
  serialize(topic: string, message: unknown): string | Buffer;
  /** Record bytes of a message that the caller has already encoded as JSON. */
  wrap(topic: string, json: string): string | Buffer;
  deserialize(topic: string, bytes: Buffer): unknown;
}

export const jsonSerializer: Serializer = {
  serialize: (_topic, message) => JSON.stringify(message),
  wrap: (_topic, json) => json,
  deserialize: (_topic, bytes) => parseJson(bytes),
};
