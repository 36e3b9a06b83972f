import type { StoredPosition } from '../../database/examine.client.js';
import type { TopicPartitionState } from '../../log/topic-admin.js';
import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

interface Standing extends StoredPosition {
  readonly at: TopicPartitionState;
  readonly committed: number | undefined;
}

const place = ({ group, topic, partition }: StoredPosition): string => `${group} ${topic}/${partition}`;

/** Cursors of topics that were seen, with what the log says about their partitions. */
function standings({ database, clusters }: Evidence): Standing[] {
  return database.positions.flatMap((position) => {
    const cluster = clusters.find(({ topics }) => topics.some(({ name }) => name === position.topic));
    const at = cluster?.topics.find(({ name }) => name === position.topic)?.partitions.find(({ partition }) => partition === position.partition);
    if (!cluster || !at) return [];
    const committed = cluster.committed.find(
      (each) => each.stage === position.group && each.topic === position.topic && each.partition === position.partition,
    );
    return [{ ...position, at, committed: committed?.offset }];
  });
}

export function cursorFindings(evidence: Evidence): Finding[] {
  const all = standings(evidence);
  const ahead = all.filter(({ nextOffset, at }) => at.high !== null && nextOffset > at.high);
  const below = all.filter(({ nextOffset, at }) => at.low !== null && nextOffset < at.low);
  // The broker is told after the database, so that it is behind by a batch is as it should be.
  const apart = all.filter(
    ({ nextOffset, committed, at }) => committed !== undefined && committed > nextOffset && nextOffset <= (at.high ?? Infinity),
  );
  return [
    ...findings('cursors.in-log', 'T5026', `${all.filter(({ at }) => at.high !== null).length} cursors stand inside the log`, [
      ...ahead
        .slice(0, 5)
        .map((each) =>
          fail(
            `${place(each)}: the cursor is at ${each.nextOffset}, but the log ends at ${each.at.high}; the topic was made anew, or the broker has lost records`,
            `decide what to do with the records that are there: tocsin consumers resume --group ${each.group} --topic ${each.topic} --partition ${each.partition} --from earliest (or latest)`,
          ),
        ),
      ...below
        .slice(0, 5)
        .map((each) =>
          fail(
            `${place(each)}: the cursor is at ${each.nextOffset}, but the log begins at ${each.at.low}; ${each.at.low! - each.nextOffset} records are gone`,
            `look for a copy of them; without one: tocsin consumers resume --group ${each.group} --topic ${each.topic} --partition ${each.partition} --accept-gap`,
          ),
        ),
      ahead.length + below.length > 10 &&
        fail(`and more: ${ahead.length} ahead of the log, ${below.length} behind its beginning`, 'tocsin offsets show lists them all'),
    ]),
    ...findings('cursors.committed', 'T5027', 'what the broker was told is nowhere ahead of the database', [
      apart.length > 0 &&
        warn(
          `the committed offset is ahead of the cursor: ${some(apart.map((each) => `${place(each)} ${each.committed} > ${each.nextOffset}`))}`,
          'the database is the truth and Tocsin goes on from there; was an older copy of the database restored, or the offset set by another tool? Lag shown by the broker is wrong until it has caught up',
        ),
    ]),
  ];
}

export function groupFindings({ clusters, server, database }: Evidence): Finding[] {
  const groups = clusters.flatMap((cluster) => cluster.groups).filter(({ stage }) => stage !== null);
  const unsettled = groups.filter(({ state }) => /Rebalance/.test(state));
  const read = new Set(database.positions.map(({ group }) => group));
  const idle = groups.filter(({ stage, members }) => members.length === 0 && read.has(stage!));
  const counts = groups.map(({ group, members }) => `${group} ${members.length}`);
  return findings('groups.members', 'T5025', groups.length > 0 ? `members: ${some(counts, 8)}` : 'no group has been seen yet', [
    unsettled.length > 0 &&
      warn(
        `rebalancing at the moment: ${some(unsettled.map(({ group }) => group))}`,
        'ask again in a minute; when it goes on, a replica dies or is too slow to answer (its log says)',
      ),
    idle.length > 0 &&
      (server.ready ? fail : warn)(
        `nobody consumes in ${some(idle.map(({ group }) => group))}`,
        server.ready ? 'look at /health/ready and the log of the server' : 'start a replica',
      ),
  ]);
}

export function ownerFindings(evidence: Evidence): Finding[] {
  const { config, now } = evidence;
  const patience = 4 * config.KAFKA_SESSION_TIMEOUT_MS;
  const stale = standings(evidence).filter(
    ({ nextOffset, at, owner, updatedAt }) => owner !== '' && at.high !== null && at.high > nextOffset && now - updatedAt > patience,
  );
  const since = Math.round((now - Math.min(now, ...stale.map(({ updatedAt }) => updatedAt))) / 60_000);
  return findings('groups.owners', 'T5029', 'every owner with records before it has moved lately', [
    stale.length > 0 &&
      warn(
        `records wait, but the cursor has not moved for ${since} min: ${some(stale.map((each) => `${place(each)} (owner ${each.owner})`))}`,
        'no replica runs, the owner hangs, or its batch fails again and again: tocsin lag, and the log of the owner',
      ),
  ]);
}

export function holdFindings({ database }: Evidence): Finding[] {
  if (database.problem !== undefined) return [];
  return findings(
    'partitions.held',
    'T5028',
    'no partition is stopped or paused',
    database.holds
      .slice(0, 10)
      .map(({ group, topic, partition, kind, why, by }) =>
        (kind === 'stopped' ? fail : warn)(
          `${group} ${topic}/${partition} is ${kind}: ${why} (${by})`,
          kind === 'stopped' ? `see docs/offsets.md for the code; then tocsin consumers resume` : `when the reason is gone: tocsin consumers resume`,
        ),
      ),
  );
}
