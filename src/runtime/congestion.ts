/** How far a group is behind in a topic, over all partitions; null while nobody can tell. */
export interface TopicLag {
  readonly group: string;
  readonly topic: string;
  readonly lag: number | null;
}

export interface CongestionLimits {
  /** Lag above which a group counts as congested in the topic. */
  readonly threshold: (topic: string) => number;
  /** For so long (ms) without a break. */
  readonly forMs: number;
  /** Over again only below this share of the threshold, so that a lag around the threshold does not flap. */
  readonly clearShare: number;
}

/** A group that is over the threshold of a topic, or was and is not clear yet. */
export interface Congestion {
  readonly group: string;
  readonly topic: string;
  readonly lag: number;
  readonly threshold: number;
  /** Since when the lag is over the threshold without a break (epoch ms). */
  readonly since: number;
  /** True once that took long enough. */
  readonly congested: boolean;
}

/** The next state of all congestions, by what was measured at `now`. What nobody can tell stays as it was; who is gone is forgotten. */
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
