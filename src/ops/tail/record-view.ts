import { isUtf8 } from 'node:buffer';
import { decodeMessage } from '../../log/dead-letters.js';
import type { LogRecord } from '../../log/event-log.js';
import type { Serializer } from '../../log/serializer.js';
import { originalTopic } from '../../log/topic-limits.js';
import { PoisonError } from '../../shared/errors.js';
import { JsonError, parseJson } from '../../shared/json.js';
import { type RawEvent, type Topic, topics } from '../../topics.js';

/** A record for display: the decoded message, or the decoding error and the bytes. */
export interface RecordView {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Size of the value. */
  readonly bytes: number;
  /** Index of the event in its envelope, when envelopes are unfolded. */
  readonly index?: number;
  readonly message?: unknown;
  /** Error with which the stages reject the record. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly text?: string;
  readonly hex?: string;
  /** Text or hex contains only the first {@link SHOWN_BYTES}. */
  readonly cut?: true;
}

export interface ViewOptions {
  readonly topic: string;
  /** Show the bytes without decoding. */
  readonly raw: boolean;
  /** One view for each event of an envelope. */
  readonly unfold: boolean;
  readonly maxBytes: number;
  /** Serializer of the log's own messages. */
  readonly serializer: Serializer;
}

/** Bytes of an undecodable value that are shown. */
export const SHOWN_BYTES = 16_384;

const contract: ReadonlyMap<string, Topic<unknown>> = new Map(Object.values(topics).map((topic) => [topic.name, topic as Topic<unknown>]));

/** The views of a record: one, or one for each event of an unfolded envelope. */
export function views(partition: number, record: LogRecord, options: ViewOptions): RecordView[] {
  const { offset, timestamp, key, value, headers } = record;
  const place = { partition, offset, timestamp, key: key && key.toString('utf8'), ...(Object.keys(headers).length > 0 && { headers }) };
  const view = { ...place, bytes: value?.length ?? 0 };
  if (options.raw) return [{ ...view, ...bytesOf(value) }];
  const decoded = decodedOf(record, options);
  if (!('message' in decoded)) return [{ ...view, ...decoded, ...bytesOf(value) }];
  const events = options.unfold ? envelopeEvents(decoded.message) : undefined;
  return events ? events.map((message, index) => ({ ...view, index, message })) : [{ ...view, message: decoded.message }];
}

function decodedOf(record: LogRecord, { topic, maxBytes, serializer }: ViewOptions): Pick<RecordView, 'message' | 'error'> {
  const known = contract.get(topic);
  try {
    if (known) return { message: decodeMessage(known, record, maxBytes, serializer) };
    return { message: record.value === null ? null : messageOf(topic, record.value, serializer) };
  } catch (error) {
    if (error instanceof PoisonError) return { error: { code: error.code, message: error.message } };
    if (error instanceof JsonError) return {};
    throw error;
  }
}

/** Decodes a message of a topic without a schema: a Tocsin message, as in many dead-letter records, or other JSON. Throws {@link JsonError}. */
function messageOf(topic: string, value: Buffer, serializer: Serializer): unknown {
  try {
    return serializer.deserialize(originalTopic(topic) ?? topic, value);
  } catch (error) {
    if (error instanceof JsonError || error instanceof PoisonError) return parseJson(value);
    throw error;
  }
}

function bytesOf(value: Buffer | null): Pick<RecordView, 'text' | 'hex' | 'cut'> {
  if (value === null) return {};
  const shown = value.subarray(0, SHOWN_BYTES);
  const cut = value.length > SHOWN_BYTES && { cut: true as const };
  // The cut may split a character, which has up to four bytes.
  const lengths = cut ? [0, 1, 2, 3].map((less) => shown.length - less) : [shown.length];
  const whole = lengths.map((length) => shown.subarray(0, length)).find((bytes) => isUtf8(bytes));
  return whole ? { text: whole.toString('utf8'), ...cut } : { hex: shown.toString('hex'), ...cut };
}

/** The events of an envelope; undefined for anything else. */
export function envelopeEvents(message: unknown): RawEvent[] | undefined {
  if (typeof message !== 'object' || message === null || !('events' in message) || !('v' in message)) return undefined;
  return Array.isArray(message.events) ? (message.events as RawEvent[]) : undefined;
}
