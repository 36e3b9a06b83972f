/** How a partition of a source stands on the replica that has it. */
export interface SourcePartitionState {
  readonly topic: string;
  readonly partition: number;
  /** Everything below is in raw_events, or in its dead letters. */
  readonly position: number;
  /** End of the partition as far as we were told. */
  readonly end: number;
  readonly lag: number;
  /** Batches whose events are on their way into the log. */
  readonly in_flight: number;
  /** Why it stands still. */
  readonly problem?: string;
}

/** What a source has done on one replica, for the metrics. */
export interface SourceCounts {
  records: number;
  events: number;
  readonly poison: Record<string, number>;
  failures: number;
}

/** How a source stands on one replica. */
export interface SourceState {
  readonly name: string;
  readonly status: 'connecting' | 'rebalancing' | 'running' | 'stopped' | 'crashed';
  readonly partitions: readonly SourcePartitionState[];
  /** What hinders it, in words. */
  readonly problem?: string;
}

/** How a source stands on all replicas together. */
export interface SourceSummary {
  readonly name: string;
  readonly kind: 'kafka' | 'http';
  /** `ready`: a source of HTTP that is enabled. `degraded`: something hinders it or a part of it. */
  readonly status: 'disabled' | 'ready' | 'connecting' | 'running' | 'degraded';
  readonly problems: readonly string[];
  readonly partitions: number;
  readonly lag: number;
  readonly replicas: readonly ({ readonly instance: string } & SourceState)[];
}

type Declared = { readonly name: string; readonly kind: 'kafka' | 'http'; readonly is_enabled: boolean };

/** What the replicas say of a source, put together. */
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

/** What hinders a source on a replica, each in a sentence. */
export function problemsOf({ problem, partitions }: SourceState): string[] {
  const stopped = partitions.flatMap(({ topic, partition, problem: why }) => (why ? [`${topic}/${partition}: ${why}`] : []));
  return problem ? [problem, ...stopped] : stopped;
}
