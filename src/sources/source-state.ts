/** State of a partition of a source on the replica that owns it. */
export interface SourcePartitionState {
  readonly topic: string;
  readonly partition: number;
  /** All records below this offset are in raw_events or in the dead letters. */
  readonly position: number;
  /** End offset of the partition as of the latest batch. */
  readonly end: number;
  readonly lag: number;
  /** Batches whose events are not published yet. */
  readonly in_flight: number;
  /** Why the partition is paused or halted. */
  readonly problem?: string;
}

/** Counters of a source on one replica, for the metrics. */
export interface SourceCounts {
  records: number;
  events: number;
  readonly poison: Record<string, number>;
  failures: number;
}

/** State of a source on one replica. */
export interface SourceState {
  readonly name: string;
  readonly status: 'connecting' | 'rebalancing' | 'running' | 'stopped' | 'crashed';
  readonly partitions: readonly SourcePartitionState[];
  /** Why the source as a whole is unhealthy. */
  readonly problem?: string;
}

/** State of a source, over all replicas. */
export interface SourceSummary {
  readonly name: string;
  readonly kind: 'kafka' | 'http';
  /** `ready`: an HTTP source that is enabled. `degraded`: the source or one of its partitions is unhealthy. */
  readonly status: 'disabled' | 'ready' | 'connecting' | 'running' | 'degraded';
  readonly problems: readonly string[];
  readonly partitions: number;
  readonly lag: number;
  readonly replicas: readonly ({ readonly instance: string } & SourceState)[];
}

type Declared = { readonly name: string; readonly kind: 'kafka' | 'http'; readonly is_enabled: boolean };

/** Combines the states that the replicas report for a source. */
export function sourceSummary(
  { name, kind, is_enabled: enabled }: Declared,
  replicas: readonly { instance: string; states: readonly SourceState[] }[],
): SourceSummary {
  const own = replicas.flatMap(({ instance, states }) => states.filter((state) => state.name === name).map((state) => ({ instance, ...state })));
  const partitions = own.flatMap((state) => state.partitions);
  const problems = [...new Set(own.flatMap(problemsOf))];
  const running = own.length > 0 && own.every(({ status }) => status === 'running');
  const status = !enabled ? 'disabled' : kind === 'http' ? 'ready' : problems.length > 0 ? 'degraded' : running ? 'running' : 'connecting';
  const lag = partitions.reduce((sum, each) => sum + each.lag, 0);
  return { name, kind, status, problems, partitions: partitions.length, lag, replicas: own };
}

/** The problems of a source on a replica, one sentence each. */
export function problemsOf({ problem, partitions }: SourceState): string[] {
  const stopped = partitions.flatMap(({ topic, partition, problem: why }) => (why ? [`${topic}/${partition}: ${why}`] : []));
  return problem ? [problem, ...stopped] : stopped;
}
