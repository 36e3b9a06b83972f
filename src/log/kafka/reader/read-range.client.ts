import { setTimeout as delay } from 'node:timers/promises';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import type { LogRecord, TopicPartition } from '../../event-log.js';
import { words } from '../connection/broker-pool.client.js';
import { type Brokers, type FetchLimits, moved, OUT_OF_RANGE } from '../connection/brokers.client.js';
import { OffsetLookup } from './offset-lookup.client.js';

/** So many failures in a row end a reading; leaders that move take a moment, a cluster that is down shows at the first. */
const TRIES = 8;

/**
 * Reads [from, to) of a partition, oldest first, without a group; `to` is cut at the end of the log, or where an open transaction begins.
 * Records that are gone are left out.
 */
export async function* readRange(
  brokers: Brokers,
  { topic, partition }: TopicPartition,
  [from, to]: readonly [from: number, to: number],
  limits: FetchLimits,
): AsyncIterable<readonly LogRecord[]> {
  const lookup = new OffsetLookup(brokers);
  const end = Math.min(to, (await lookup.at(topic, -1, { partition, committed: true })).get(partition)!);
  let position = from;
  for (let failures = 0; position < end;) {
    const leader = (await brokers.leaders(topic, { fresh: failures > 0 })).get(partition) ?? -1;
    const [found] = leader < 0 ? [] : await brokers.fetch(leader, [{ topic, partition, position }], limits);
    if (found?.errorCode === OUT_OF_RANGE) {
      const low = (await lookup.at(topic, -2, { partition })).get(partition)!;
      position = low > position ? low : end;
    } else if (!found || found.errorCode !== 0 || found.problem) {
      const why = found?.problem ?? (found ? words(found.errorCode) : 'has no leader');
      if (++failures === TRIES || (found && !moved(found.errorCode))) throw new TocsinError('T7004', `${topic}/${partition}: ${why}`);
      await delay(backoff(failures, Math.random()));
    } else {
      failures = 0;
      const records = found.records.filter(({ offset }) => offset < end);
      if (records.length > 0) yield records;
      position = found.next;
    }
  }
}
