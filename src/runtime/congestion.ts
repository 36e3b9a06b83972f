/** Lag of a group in a topic, over all partitions; null while it is unknown. */
export interface TopicLag {
  readonly group: string;
  readonly topic: string;
  readonly lag: number | null;
}

export interface CongestionLimits {
  /** Lag above which a group counts as congested in the topic. */
  readonly threshold: (topic: string) => number;
  /** Time (ms) for which the lag must stay above the threshold. */
  readonly forMs: number;
  /** Share of the threshold below which the congestion ends, so that a lag around the threshold does not flap. */
  readonly clearShare: number;
}

/** A group whose lag exceeds the threshold of a topic, or did and has not cleared yet. */
export interface Congestion {
  readonly group: string;
  readonly topic: string;
  readonly lag: number;
  readonly threshold: number;
  /** Time (epoch ms) since which the lag is above the threshold without a break. */
  readonly since: number;
  /** True once that has lasted for `forMs`. */
  readonly congested: boolean;
}

/** Computes the next congestions from the lags at `now`. An unknown lag leaves the state unchanged; groups without a lag are removed. */
export function judgeCongestion(before: readonly Congestion[], lags: readonly TopicLag[], limits: CongestionLimits, now: number): Congestion[] {
  const known = new Map(before.map((congestion) => [`${congestion.group} ${congestion.topic}`, congestion]));
  return lags.flatMap((measured) => {
    const previous = known.get(`${measured.group} ${measured.topic}`);
    return (measured.lag === null ? previous : judge(previous, { ...measured, lag: measured.lag }, limits, now)) ?? [];
  });
}

function judge(
  previous: Congestion | undefined,
  { group, topic, lag }: TopicLag & { lag: number },
  limits: CongestionLimits,
  now: number,
): Congestion | undefined {
  const threshold = limits.threshold(topic);
  const over = lag > threshold;
  if (!over && !(previous?.congested && lag > threshold * limits.clearShare)) return undefined;
  const since = previous?.since ?? now;
  return { group, topic, lag, threshold, since, congested: (previous?.congested ?? false) || (over && now - since >= limits.forMs) };
}
