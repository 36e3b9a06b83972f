import type { StoredPosition } from '../../database/examine.client.js';
import type { TopicPartitionState } from '../../log/topic-admin.js';
import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

interface CursorState extends StoredPosition {
  readonly at: TopicPartitionState;
  readonly committed: number | undefined;
}

const place = ({ group, topic, partition }: StoredPosition): string => `${group} ${topic}/${partition}`;

/** Cursors of existing topics, with the state of their partitions in the log. */
function cursorStates({ database, clusters }: Evidence): CursorState[] {
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
  const all = cursorStates(evidence);
  const ahead = all.filter(({ nextOffset, at }) => at.high !== null && nextOffset > at.high);
  const below = all.filter(({ nextOffset, at }) => at.low !== null && nextOffset < at.low);
  // Offsets are committed to the broker after the database transaction, so the committed offset may trail by a batch.
  const apart = all.filter(
    ({ nextOffset, committed, at }) => committed !== undefined && committed > nextOffset && nextOffset <= (at.high ?? Infinity),
  );
  return [
    ...findings('cursors.in-log', 'T5026', `${all.filter(({ at }) => at.high !== null).length} cursors are within the bounds of the log`, [
      ...ahead
        .slice(0, 5)
        .map((each) =>
          fail(
            `${place(each)}: the cursor is at ${each.nextOffset}, but the log ends at ${each.at.high}; the topic was recreated, or the broker lost records`,
            `choose where to resume: tocsin consumers resume --group ${each.group} --topic ${each.topic} --partition ${each.partition} --from earliest (or latest)`,
          ),
        ),
      ...below
        .slice(0, 5)
        .map((each) =>
          fail(
            `${place(each)}: the cursor is at ${each.nextOffset}, but the log begins at ${each.at.low}; ${each.at.low! - each.nextOffset} records were deleted`,
            `recover the records from a backup if possible; otherwise: tocsin consumers resume --group ${each.group} --topic ${each.topic} --partition ${each.partition} --accept-gap`,
          ),
        ),
      ahead.length + below.length > 10 &&
        fail(`${ahead.length} cursors are ahead of the log end, ${below.length} before the log start`, 'run tocsin offsets show to list all of them'),
    ]),
    ...findings('cursors.committed', 'T5027', 'no committed offset is ahead of its cursor', [
      apart.length > 0 &&
        warn(
          `the committed offset is ahead of the cursor: ${some(apart.map((each) => `${place(each)} ${each.committed} > ${each.nextOffset}`))}`,
          'Tocsin resumes from the cursor in the database. Either an older database backup was restored, or another tool committed the offset. Lag computed from committed offsets is wrong until the cursor has caught up',
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
  return findings('groups.members', 'T5025', groups.length > 0 ? `members: ${some(counts, 8)}` : 'no consumer group exists yet', [
    unsettled.length > 0 &&
      warn(
        `rebalancing: ${some(unsettled.map(({ group }) => group))}`,
        'run the doctor again in a minute; if it persists, a replica is crashing or misses heartbeats: check its log',
      ),
    idle.length > 0 &&
      (server.ready ? fail : warn)(
        `no active members in ${some(idle.map(({ group }) => group))}`,
        server.ready ? 'check /health/ready and the log of the server' : 'start a replica',
      ),
  ]);
}

export function ownerFindings(evidence: Evidence): Finding[] {
  const { config, now } = evidence;
  const timeout = 4 * config.KAFKA_SESSION_TIMEOUT_MS;
  const stale = cursorStates(evidence).filter(
    ({ nextOffset, at, owner, updatedAt }) => owner !== '' && at.high !== null && at.high > nextOffset && now - updatedAt > timeout,
  );
  const since = Math.round((now - Math.min(now, ...stale.map(({ updatedAt }) => updatedAt))) / 60_000);
  return findings('groups.owners', 'T5029', 'all partitions with lag make progress', [
    stale.length > 0 &&
      warn(
        `lag without progress for ${since} min: ${some(stale.map((each) => `${place(each)} (owner ${each.owner})`))}`,
        'no replica is running, the owner hangs, or its batch fails repeatedly: run tocsin lag and check the log of the owner',
      ),
  ]);
}

export function pauseFindings({ database }: Evidence): Finding[] {
  if (database.problem !== undefined) return [];
  return findings(
    'partitions.held',
    'T5028',
    'no partition is halted or paused',
    database.pauses
      .slice(0, 10)
      .map(({ group, topic, partition, kind, why, by }) =>
        (kind === 'stopped' ? fail : warn)(
          `${group} ${topic}/${partition} is ${kind === 'stopped' ? 'halted' : kind}: ${why} (${by})`,
          kind === 'stopped'
            ? 'look up the code in docs/offsets.md, then run tocsin consumers resume'
            : 'run tocsin consumers resume when the reason no longer applies',
        ),
      ),
  );
}
