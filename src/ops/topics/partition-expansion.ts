/** A consumer group of Tocsin that reads the topic. */
export interface Reader {
  readonly group: string;
  /** Number of active members. */
  readonly members: number;
  /** Records with a key that the group has not processed yet. */
  readonly behind: number;
}

/** Facts that decide whether a topic can get more partitions. */
export interface PartitionExpansionFacts {
  readonly topic: string;
  /** Meaning of the key, for topics whose order depends on it. */
  readonly keyedBy: string | undefined;
  readonly current: number;
  readonly wanted: number;
  readonly readers: readonly Reader[];
  /** Partitions without a leader, whose log end offset and lag are unknown. */
  readonly leaderless: readonly number[];
  /** External groups that consume the topic. */
  readonly unknownGroups: readonly string[];
  /** Objections of the stages: state that depends on the current partition of a key. */
  readonly stageReasons: readonly string[];
  /** Keys of the newest records. */
  readonly keys: readonly string[];
  readonly partitionOf: (key: string, partitions: number) => number;
}

export interface PartitionExpansionPlan {
  readonly topic: string;
  readonly from: number;
  readonly to: number;
  /** Reasons why the expansion would break record order now; empty when it is safe. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
  /** Number of recent keys, and how many of them move to another partition. */
  readonly keys: { readonly seen: number; readonly moving: number };
}

const some = (keys: readonly string[]): string => keys.slice(0, 5).join(', ') + (keys.length > 5 ? ', …' : '');

/**
 * Evaluates an expansion. The partition of a key is its hash modulo the number of partitions, therefore most keys move; a record in the new partition
 * can be processed before an earlier record of the same key in the old one. An expansion is safe when no process publishes or consumes, all
 * records are processed, and no stage stores state of a key that moves.
 */
export function planPartitionExpansion(facts: PartitionExpansionFacts): PartitionExpansionPlan {
  const { topic, keyedBy, current, wanted, keys, partitionOf } = facts;
  const moving = keys.filter((key) => partitionOf(key, current) !== partitionOf(key, wanted));
  return {
    topic,
    from: current,
    to: wanted,
    refusals: keyedBy === undefined ? [] : refusals(facts),
    warnings: keyedBy === undefined ? [] : warnings(facts, moving),
    keys: { seen: keys.length, moving: moving.length },
  };
}

function refusals({ readers, leaderless: unanswered, stageReasons: hanging }: PartitionExpansionFacts): string[] {
  const running = readers.filter(({ members }) => members > 0);
  const behind = readers.filter((reader) => reader.behind > 0);
  return [
    ...(running.length > 0
      ? [
          `${running.map(({ group }) => group).join(', ')}: running. Stop every replica (senders retry), and run this command while no replica is running`,
        ]
      : []),
    ...behind.map(
      (reader) =>
        `${reader.group}: ${reader.behind} records are not processed yet. Stop the senders, wait until tocsin lag reports 0, then stop the replicas`,
    ),
    ...(unanswered.length > 0
      ? [`partitions without leader: ${unanswered.join(', ')}; their lag is unknown. Retry when all partitions have a leader`]
      : []),
    ...hanging,
  ];
}

function warnings({ keyedBy, keys, unknownGroups, current, wanted }: PartitionExpansionFacts, moving: readonly string[]): string[] {
  const share = keys.length > 0 ? `of the ${keys.length} keys in the newest records, ${moving.length} move (${some(moving)})` : 'no recent keys';
  return [
    `the key (${keyedBy}) determines the partition: from ${current} to ${wanted} partitions ${share}`,
    ...(wanted % current === 0
      ? []
      : [`${wanted} is not a multiple of ${current}: nearly every key moves; with a multiple of ${current} fewer keys move`]),
    ...unknownGroups.map((group) => `${group} also consumes the topic; keys that move arrive in another partition`),
    ...(moving.length > 0 ? ['incomplete state of keys that move (windows, N-of-M counts) restarts in the new partition'] : []),
    'the number of partitions cannot be reduced later',
  ];
}
