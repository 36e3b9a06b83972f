import type { Cursor } from '../../log/cursor-table.js';
import type { TopicPartition } from '../../log/event-log.js';
import type { GroupMember, GroupState, TopicState } from '../../log/topic-admin.js';

type StoredCursor = { readonly group: string; readonly owner: string } & TopicPartition & Cursor;

/** Summary of a topic. */
export interface TopicSummary {
  readonly name: string;
  readonly cluster: string;
  readonly partitions: number;
  readonly replication: number;
  /** Distance from log start to log end, summed over the available partitions: the number of records unless the topic is compacted. */
  readonly records: number;
  /** Partitions without a leader. */
  readonly leaderless: number;
  /** Partitions with a replica that is not in sync. */
  readonly under_replicated: number;
  readonly retention_ms: number | null;
  readonly retention_bytes: number | null;
  readonly min_insync_replicas: number | null;
  /** Groups that consume the topic. */
  readonly groups: readonly string[];
}

export interface GroupPartition {
  readonly partition: number;
  /** Offset that the group committed to the log; null without a commit. */
  readonly committed: number | null;
  /** Cursor in the database: every record below has been processed; null without one, as for external groups. */
  readonly cursor: number | null;
  readonly lag: number | null;
}

export interface TopicGroup {
  readonly group: string;
  readonly stage: string | null;
  readonly state: string;
  readonly protocol: string;
  readonly members: readonly (Omit<GroupMember, 'partitions'> & { readonly partitions: readonly number[] })[];
  readonly partitions: readonly GroupPartition[];
}

export type TopicDetail = TopicState & { readonly records: number; readonly groups: readonly TopicGroup[] };

const number = (text: string | undefined): number | null => (text === undefined || text === '' ? null : Number(text));

export const recordCount = ({ partitions }: TopicState): number => partitions.reduce((sum, { low, high }) => sum + ((high ?? 0) - (low ?? 0)), 0);

/** Names of the groups that consume a topic: groups with members on it, and groups of Tocsin with a cursor in it. */
export function readersOf(topic: string, groups: readonly GroupState[], cursors: readonly StoredCursor[]): string[] {
  const stages = new Set(cursors.filter((cursor) => cursor.topic === topic).map(({ group }) => group));
  const known = groups.filter(
    ({ stage, members }) => (stage !== null && stages.has(stage)) || members.some(({ partitions }) => partitions.some((at) => at.topic === topic)),
  );
  const named = new Set(known.map(({ stage }) => stage));
  return [...known.map(({ group }) => group), ...[...stages].filter((stage) => !named.has(stage))].sort();
}

export function topicSummary(topic: TopicState, groups: readonly GroupState[], cursors: readonly StoredCursor[]): TopicSummary {
  const { name, cluster, partitions, config } = topic;
  return {
    name,
    cluster,
    partitions: partitions.length,
    replication: Math.max(0, ...partitions.map(({ replicas }) => replicas.length)),
    records: recordCount(topic),
    leaderless: partitions.filter(({ leader }) => leader === null).length,
    under_replicated: partitions.filter(({ replicas, inSync }) => inSync.length < replicas.length).length,
    retention_ms: number(config['retention.ms']),
    retention_bytes: number(config['retention.bytes']),
    min_insync_replicas: number(config['min.insync.replicas']),
    groups: readersOf(name, groups, cursors),
  };
}

/** State of one group in a topic: members, offsets and lag. */
export function groupIn(
  topic: TopicState,
  group: Omit<GroupState, 'cluster'>,
  committed: ReadonlyMap<number, number>,
  cursors: readonly StoredCursor[],
): TopicGroup {
  const own = new Map(
    cursors.filter((cursor) => cursor.topic === topic.name && cursor.group === group.stage).map((each) => [each.partition, each.nextOffset]),
  );
  return {
    group: group.group,
    stage: group.stage,
    state: group.state,
    protocol: group.protocol,
    members: group.members.map((member) => ({
      ...member,
      partitions: member.partitions.filter((at) => at.topic === topic.name).map(({ partition }) => partition),
    })),
    partitions: topic.partitions.map(({ partition, high }) => {
      const cursor = own.get(partition) ?? null;
      const position = cursor ?? committed.get(partition) ?? null;
      return {
        partition,
        committed: committed.get(partition) ?? null,
        cursor,
        lag: position === null || high === null ? null : Math.max(0, high - position),
      };
    }),
  };
}
