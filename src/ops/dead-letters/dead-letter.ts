import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { originalHeaders, REDRIVEN, redriveCount } from '../../log/dead-letters.js';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../../log/event-log.js';
import { identity } from '../../shared/identity.js';
import { deadLetterTopic } from '../../topics.js';

/** A dead letter record: a record that no handler could process. */
export interface DeadLetter {
  /** `<topic>/<partition>/<offset>`; partition and offset are those in the dead-letter topic. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Time of the rejection (epoch ms). */
  readonly time: number;
  /** Position of the original record; null when the headers do not contain it. */
  readonly origin: { readonly partition: number; readonly offset: number } | null;
  readonly stage: string | null;
  readonly code: string | null;
  readonly error: string | null;
  /** Number of times that a stage has rejected the record. */
  readonly attempts: number;
  /** Length of the value; null for a tombstone. */
  readonly bytes: number | null;
}

export interface DeadLetterFilter {
  readonly code?: string | undefined;
  readonly stage?: string | undefined;
}

/** Converts a record of a dead-letter topic; `topic` is the original topic. */
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

/** Parses the id of a dead letter; undefined when invalid. The name of the dead-letter topic is accepted in place of the topic. */
export function parseDeadLetterId(id: string): (TopicPartition & { readonly offset: number }) | undefined {
  const [, name, partition, offset] = /^(.+)\/(\d{1,9})\/(\d{1,15})$/.exec(id) ?? [];
  if (name === undefined) return undefined;
  const end = deadLetterTopic('');
  return { topic: name.endsWith(end) ? name.slice(0, -end.length) : name, partition: Number(partition), offset: Number(offset) };
}

/** Bytes as text when they are UTF-8, else as base64. */
export interface EncodedBytes {
  readonly encoding: 'utf8' | 'base64';
  readonly content: string;
}

export function encodedBytes(bytes: Buffer | null): EncodedBytes | null {
  if (bytes === null) return null;
  return isUtf8(bytes) ? { encoding: 'utf8', content: bytes.toString('utf8') } : { encoding: 'base64', content: bytes.toString('base64') };
}

/** Header with the source of a record that was rejected before it was published. */
const SOURCE = 'tocsin-source';

export const redriveOutcomes = ['redriven', 'already', 'too often', 'unknown origin', 'of a source'] as const;
/** Outcome of the redrive of a dead letter. */
export type RedriveOutcome = (typeof redriveOutcomes)[number];

/** A dead letter that can be redriven. */
export interface Redrive {
  readonly deadLetter: DeadLetter;
  /** Identity of the original record, shared by its dead letters of all stages: a record is redriven once. */
  readonly origin: string;
  readonly record: OutgoingRecord & { readonly topic: string };
}

/** The redrive of a dead letter, or the reason against it. `partitions` is the current partition count of the topic. */
export function redriveOf(letter: DeadLetter, record: LogRecord, partitions: number, most: number): Redrive | RedriveOutcome {
  const { topic, origin } = letter;
  // The bytes are in the format of the source, not in that of the topic.
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
