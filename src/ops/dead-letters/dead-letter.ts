import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { originalHeaders, REDRIVEN, redriveCount } from '../../log/dead-letters.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../../log/event-log.js';
import { identity } from '../../shared/identity.js';
import { deadLetterTopic } from '../../topics.js';

/** A record that could not work, as it stands in the dead letters of its topic. */
export interface DeadLetter {
  /** `<topic>/<partition>/<offset>` in the dead letters of the topic. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When it became a dead letter (epoch ms). */
  readonly time: number;
  /** Where the record stood; null when the headers do not say. */
  readonly origin: { readonly partition: number; readonly offset: number } | null;
  readonly stage: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** How often a stage has refused the record. */
  readonly attempts: number;
  /** Length of the value; null for a tombstone. */
  readonly bytes: number | null;
}

export interface DeadLetterFilter {
  readonly code?: string | undefined;
  readonly stage?: string | undefined;
}

/** `topic` is that of the original record. */
export function deadLetterOf({ topic, partition }: TopicPartition, { offset, timestamp, headers, value }: LogRecord): DeadLetter {
  const from = { partition: count(headers['tocsin-partition']), offset: count(headers['tocsin-offset']) };
  const known = headers['tocsin-topic'] === topic && from.partition !== undefined && from.offset !== undefined;
  return {
    id: `${topic}/${partition}/${offset}`,
    topic,
    partition,
    offset,
    time: count(headers['tocsin-time']) ?? timestamp,
    origin: known ? (from as DeadLetter['origin']) : null,
    stage: headers['tocsin-stage'] ?? null,
    code: headers['tocsin-error-code'] ?? null,
    error: headers['tocsin-error'] ?? null,
    attempts: count(headers['tocsin-attempts']) ?? 1,
    bytes: value?.length ?? null,
  };
}

const count = (text: string | undefined): number | undefined => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined);

export const matchesFilter = (letter: DeadLetter, { code, stage }: DeadLetterFilter): boolean =>
  (code === undefined || letter.code === code) && (stage === undefined || letter.stage === stage);

/** The place that an id names; undefined when it is none. The name of the dead-letter topic stands for its topic. */
export function parseDeadLetterId(id: string): (TopicPartition & { readonly offset: number }) | undefined {
  const [, name, partition, offset] = /^(.+)\/(\d{1,9})\/(\d{1,15})$/.exec(id) ?? [];
  if (name === undefined) return undefined;
  const end = deadLetterTopic('');
  return { topic: name.endsWith(end) ? name.slice(0, -end.length) : name, partition: Number(partition), offset: Number(offset) };
}

/** Bytes for people: text where they are text. */
export interface EncodedBytes {
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

export function encodedBytes(bytes: Buffer | null): EncodedBytes | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? { encoding: 'utf8', content: bytes.toString('utf8') } : { encoding: 'base64', content: bytes.toString('base64') };
}

/** Header of a letter whose record never was in our log: the source that read it elsewhere. */
const SOURCE = 'tocsin-source';

export const redriveOutcomes = ['redriven', 'already', 'too often', 'unknown origin', 'of a source'] as const;
/** What becomes of a letter that somebody wants back in its topic. */
export type RedriveOutcome = (typeof redriveOutcomes)[number];

/** A letter on its way back. */
export interface Redrive {
  readonly deadLetter: DeadLetter;
  /** The same for every letter of one record, whoever refused it: that record goes back once. */
  readonly origin: string;
  readonly record: OutgoingRecord & { readonly topic: string };
}

/** How a letter goes back, or why it does not. `partitions` is what the topic has now. */
export function redriveOf(letter: DeadLetter, record: LogRecord, partitions: number, most: number): Redrive | RedriveOutcome {
  const { topic, origin } = letter;
  // Its bytes are in the format of the source, which the topic does not understand.
  if (record.headers[SOURCE] !== undefined) return 'of a source';
  if (!origin) return 'unknown origin';
  const times = redriveCount(record.headers);
  if (times >= most) return 'too often';
  const { key, value } = record;
  const headers = { ...originalHeaders(record.headers), [REDRIVEN]: String(times + 1) };
  const hash = createHash('sha256')
    .update(value ?? '')
    .digest('hex');
  return {
    deadLetter: letter,
    origin: identity('letter', topic, String(origin.partition), String(origin.offset), hash),
    record: { topic, key, value, headers, ...(origin.partition < partitions && { partition: origin.partition }) },
  };
}
