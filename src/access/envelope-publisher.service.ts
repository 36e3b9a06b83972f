import type { EventLog, PublishOptions } from '../log/event-log.js';
import { PublishError } from '../log/publish-error.js';
import { topics } from '../topics.js';
import { splitTooLarge, type EncodedEvent, pack, type PackedRecord } from './envelope.js';

type RawEventLog = Pick<EventLog, 'publish' | 'serializer'>;

/** Events of one partition of `raw_events` as records of at most `most` events, in the bytes of the log's serializer. */
export const envelopesOf = <T extends EncodedEvent>(
  { serializer }: RawEventLog,
  events: readonly T[],
  partition: number,
  most: number,
): PackedRecord<T>[] => pack(events, partition, { most, wrap: (json) => serializer.wrap(topics.rawEvents.name, json) });

/**
 * Publishes records of `raw_events`. Answers the events that the topic can never take; all others are in it. An envelope that is too large as a whole
 * is published again, event by event. Rejects as {@link EventLog.publish} for every other failure.
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
