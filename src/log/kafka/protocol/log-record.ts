import type { KafkaMessage } from 'kafkajs';
import type { LogRecord } from '../../event-log.js';

const NO_HEADERS: Readonly<Record<string, string>> = {};

/** Converts a kafkajs message to a record of the log. */
export function toLogRecord({ offset, timestamp, key, value, headers }: KafkaMessage): LogRecord {
  return { offset: Number(offset), timestamp: Number(timestamp), key, value, headers: headers ? headerStrings(headers) : NO_HEADERS };
}

function headerStrings(headers: NonNullable<KafkaMessage['headers']>): Readonly<Record<string, string>> {
  const names = Object.keys(headers);
  if (names.length === 0) return NO_HEADERS;
  return Object.fromEntries(names.map((each) => [each, String(headers[each])]));
}
