import type { EventLog, PublishOptions } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { topics } from '../topics.js';
import { splitTooLarge, type EncodedEvent, pack, type PackedRecord } from './envelope.js';

type RawEventLog = Pick<EventLog, 'publish' | 'serializer'>;

/** Packs events of one partition of `raw_events` into records of at most `most` events, encoded by the log's serializer. */
export const envelopesOf = <T extends EncodedEvent>(
  { serializer }: RawEventLog,
  events: readonly T[],
  partition: number,
  most: number,
): PackedRecord<T>[] => pack(events, partition, { most, wrap: (json) => serializer.wrap(topics.rawEvents.name, json) });

/**
 * Publishes records of `raw_events`. Resolves to the events that exceed the topic's limit; all others are acknowledged. An envelope that is too large
 * as a whole is published again event by event. Rejects as {@link EventLog.publish} on every other failure.
 */
export async function publishEnvelopes<T extends EncodedEvent>(
  eventLog: RawEventLog,
  records: readonly PackedRecord<T>[],
  options: PublishOptions = {},
): Promise<readonly T[]> {
  try {
    await eventLog.publish(topics.rawEvents.name, records, options);
    return [];
  } catch (error) {
    if (!(error instanceof PublishError) || error.failure !== 'too large') throw error;
    const { alone, shared } = splitTooLarge(records, error.records);
    const single = shared.flatMap(({ members, partition }) => envelopesOf(eventLog, members, partition, 1));
    return single.length === 0 ? alone : [...alone, ...(await publishEnvelopes(eventLog, single, options))];
  }
}
