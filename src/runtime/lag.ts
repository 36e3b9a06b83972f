import type { GroupPosition } from '../log/consuming/consumers.service.js';
import type { TopicLag } from './congestion.js';

/** Records per second in one partition. */
export interface Rate {
  /** Records that the group processes. */
  readonly consumed: number;
  /** Records that arrive in the log; null while the end offset is unknown. */
  readonly arriving: number | null;
}

interface Sample {
  readonly at: number;
  readonly positions: ReadonlyMap<string, GroupPosition>;
}

export const keyOf = ({ group, topic, partition }: Pick<GroupPosition, 'group' | 'topic' | 'partition'>): string => `${group} ${topic} ${partition}`;

/** Number of records between the cursor and the end, never negative; null while the end offset is unknown. */
export const backlog = ({ cursor, end }: Pick<GroupPosition, 'cursor' | 'end'>): number | null => (end === null ? null : Math.max(0, end - cursor));

/** Positions of all groups over the last `windowMs`, for rates. The time is an argument. */
export class LagHistory {
  #samples: Sample[] = [];

  constructor(private readonly windowMs: number) {}

  get latest(): readonly GroupPosition[] {
    return [...(this.#samples.at(-1)?.positions.values() ?? [])];
  }

  /** When the latest sample was taken (epoch ms). */
  get at(): number | undefined {
    return this.#samples.at(-1)?.at;
  }

  add(positions: readonly GroupPosition[], at: number): void {
    const kept = this.#samples.filter((sample) => sample.at < at && sample.at >= at - this.windowMs);
    this.#samples = [...kept, { at, positions: new Map(positions.map((position) => [keyOf(position), position])) }];
  }

  /** Rate over the window; undefined before there are two samples of the partition. After a cursor is reset backwards, it is measured from there. */
  rate(at: Pick<GroupPosition, 'group' | 'topic' | 'partition'>): Rate | undefined {
    const key = keyOf(at);
    const known = this.#samples.flatMap((sample) => {
      const position = sample.positions.get(key);
      return position ? [{ at: sample.at, position }] : [];
    });
    const last = known.at(-1);
    const back = known.findLastIndex(({ position }, index) => position.cursor > (known[index + 1]?.position.cursor ?? Infinity));
    const first = known[back + 1];
    if (!last || !first || last.at <= first.at) return undefined;
    const seconds = (last.at - first.at) / 1000;
    const ends = [first.position.end, last.position.end];
    const arriving = ends[0] === null || ends[1] === null ? null : Math.max(0, ends[1]! - ends[0]!) / seconds;
    return { consumed: (last.position.cursor - first.position.cursor) / seconds, arriving };
  }
}

/** Seconds until the backlog is consumed at this rate; 0 when there is none, null when it does not shrink or the rate is unknown. */
export function catchUp(lag: number | null, rate: Rate | undefined): number | null {
  if (lag === null) return null;
  if (lag === 0) return 0;
  const gain = rate && rate.arriving !== null ? rate.consumed - rate.arriving : 0;
  return gain > 0 ? lag / gain : null;
}

/** Sums of the lag over the partitions of each group and topic; null when one of them is unknown. */
export function lagByTopic(positions: readonly GroupPosition[]): TopicLag[] {
  const sums = new Map<string, { group: string; topic: string; lag: number | null }>();
  for (const position of positions) {
    const { group, topic } = position;
    const each = backlog(position);
    const sum = sums.get(`${group} ${topic}`) ?? { group, topic, lag: 0 };
    sums.set(`${group} ${topic}`, { group, topic, lag: sum.lag === null || each === null ? null : sum.lag + each });
  }
  return [...sums.values()];
}
