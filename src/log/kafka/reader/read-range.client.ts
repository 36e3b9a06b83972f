import { setTimeout as delay } from 'node:timers/promises';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import type { LogRecord, TopicPartition } from '../../event-log.js';
import { errorName } from '../connection/broker-pool.client.js';
import { type Brokers, type FetchLimits, isStaleLeader, OFFSET_OUT_OF_RANGE } from '../connection/brokers.client.js';
import { EARLIEST, LATEST, OffsetLookup } from '../connection/offset-lookup.client.js';

/** Consecutive failures after which the read fails: leader elections take a moment, while an unreachable cluster fails at once. */
const MAX_FAILURES = 8;

/**
 * Reads [from, to) of a partition, oldest first, without a group; `to` is limited by the last stable offset.
 * Skips records that are no longer available.
 */
export async function* readRange(
  brokers: Brokers,
  { topic, partition }: TopicPartition,
  [from, to]: readonly [from: number, to: number],
  limits: FetchLimits,
): AsyncIterable<readonly LogRecord[]> {
  const lookup = new OffsetLookup(brokers);
  const end = Math.min(to, (await lookup.listOffsets(topic, LATEST, { partition, committed: true })).get(partition)!);
  let position = from;
  for (let failures = 0; position < end;) {
    const leader = (await brokers.leaders(topic, { fresh: failures > 0 })).get(partition) ?? -1;
    const [fetched] = leader < 0 ? [] : await brokers.fetch(leader, [{ topic, partition, position }], limits);
    if (fetched?.errorCode === OFFSET_OUT_OF_RANGE) {
      const low = (await lookup.listOffsets(topic, EARLIEST, { partition })).get(partition)!;
      position = low > position ? low : end;
    } else if (!fetched || fetched.errorCode !== 0 || fetched.problem) {
      const reason = fetched?.problem ?? (fetched ? errorName(fetched.errorCode) : 'has no leader');
      if (++failures === MAX_FAILURES || (fetched && !isStaleLeader(fetched.errorCode)))
        throw new TocsinError('T7004', `${topic}/${partition}: ${reason}`);
      await delay(backoff(failures, Math.random()));
    } else {
      failures = 0;
      const records = fetched.records.filter(({ offset }) => offset < end);
      if (records.length > 0) yield records;
      position = fetched.nextPosition;
    }
  }
}
