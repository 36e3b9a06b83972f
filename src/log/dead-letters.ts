import { PoisonError } from '../shared/errors.js';
import { JsonError } from '../shared/json.js';
import type { Topic } from '../topics.js';
import type { LogRecord } from './event-log.js';
import { jsonSerializer, type Serializer } from './serializer.js';

/** Header with the number of times a record was redriven from its dead-letter topic. */
export const REDRIVEN = 'tocsin-redriven';

/** Headers of a dead letter: those of the record, its topic, partition and offset, the stage that refused it, the error, attempts and time. */
export function deadLetterHeaders(
  topic: string,
  partition: number,
  group: string,
  record: LogRecord,
  error: PoisonError,
  now: number,
): Record<string, string> {
  return {
    ...record.headers,
    'tocsin-topic': topic,
    'tocsin-partition': String(partition),
    'tocsin-offset': String(record.offset),
    'tocsin-stage': group,
    'tocsin-error-code': error.code,
    'tocsin-error': error.message.slice(0, 1000),
    'tocsin-attempts': String(redriveCount(record.headers) + 1),
    'tocsin-time': String(now),
  };
}

/** Redrive count of a record with these headers; an invalid value counts as 0. */
export function redriveCount(headers: LogRecord['headers']): number {
  const count = Number(headers[REDRIVEN] ?? 0);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** The headers that a record had before it became a dead letter. */
export function originalHeaders(headers: LogRecord['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('tocsin-')));
}

const codes = { utf8: 'T6001', json: 'T6002', depth: 'T6006', proto: 'T6006' } as const;

/** Decodes a record of a topic. Throws {@link PoisonError} with the reason when the record can never be processed. */
export function decodeMessage<T>(topic: Topic<T>, record: LogRecord, maxBytes: number, serializer: Serializer = jsonSerializer): T {
  if (record.value === null) throw new PoisonError('T6005', `offset ${record.offset}`);
  if (record.value.length > maxBytes) throw new PoisonError('T6004', `${record.value.length} bytes, at most ${maxBytes}`);
  try {
    return topic.parse(serializer.deserialize(topic.name, record.value));
  } catch (error) {
    if (error instanceof JsonError) throw new PoisonError(codes[error.reason], error.message);
    throw error;
  }
}
