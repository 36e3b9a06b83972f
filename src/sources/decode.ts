import { identity } from '../shared/identity.js';
import { PoisonError, TocsinError } from '../shared/errors.js';
import type { LogRecord, TopicPartition } from '../log/event-log.js';
import { formats } from '../access/formats/formats.js';
import { type IngestResult, emptyIngestResult, type AdmissionPolicy, admitItems } from '../access/ingest-result.js';
import type { KafkaDefinition } from '../access/registry/source.js';

/** The fields of a source that determine how its records are decoded. */
export type Reading = Pick<KafkaDefinition, 'name' | 'format' | 'mapping' | 'business'>;

export interface DecodeLimits {
  readonly maxRecordBytes: number;
  readonly maxEvents: number;
}

/** Result of decoding one record. With `poison` set, its original bytes go to the dead letters; its valid events are published nevertheless. */
export interface Decoded {
  readonly result: IngestResult;
  readonly poison: PoisonError | undefined;
}

/** Common prefix of the event ids of one partition of a source. */
export const idPrefix = (source: string, { topic, partition }: TopicPartition): string => identity('source', source, topic, partition).slice(0, 16);

/**
 * Decodes the events of a record. Ids that the events do not bring are derived from the record's position and timestamp: a record that is read again
 * produces the same ids, and a record at the same offset of a recreated topic produces others. The record's timestamp is the default of its events.
 */
export function decodeRecord(record: LogRecord, prefix: string, source: Reading, limits: DecodeLimits, policy: AdmissionPolicy): Decoded {
  const { value, offset, timestamp } = record;
  if (value === null) return refused(new PoisonError('T6005', `offset ${offset}`, offset));
  if (value.length > limits.maxRecordBytes)
    return refused(new PoisonError('T6004', `${value.length} bytes, at most ${limits.maxRecordBytes}`, offset));
  const id = `${prefix}.${offset}.${timestamp.toString(36)}`;
  const request = {
    now: timestamp > 0 ? Math.min(timestamp, policy.now) : policy.now,
    business: source.business,
    contentId: id,
    requestId: id,
    most: limits.maxEvents,
    source: source.name,
    headers: record.headers,
    ...(source.mapping && { mapping: source.mapping }),
  };
  try {
    const items = formats[source.format].read(value, request);
    const result = admitItems(items, policy);
    const bad = result.errors.filter(({ code }) => code !== 'T1015');
    const first = bad[0];
    if (!first) return { result, poison: undefined };
    const some = items.length > 1 ? `${bad.length} of ${items.length} items, the first is ${first.index}: ` : '';
    return { result, poison: new PoisonError(first.code, some + first.message, offset) };
  } catch (error) {
    if (error instanceof TocsinError) return refused(new PoisonError(error.code, detailOf(error), offset));
    throw error;
  }
}

const refused = (poison: PoisonError): Decoded => ({ result: emptyIngestResult(), poison });

/** The message of an error without its title, which the poison error adds again. */
const detailOf = ({ message }: TocsinError): string => message.slice(message.indexOf(': ') + 2);
