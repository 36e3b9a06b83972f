import type { PartitionReport, PartitionLag } from '../../log/consuming/consumers.service.js';
import type { Congestion } from '../../runtime/congestion.js';
import { catchUp, type Rate } from '../../runtime/lag.js';

/** One line of the response of `GET /api/v1/lag`. */
export interface LagLine extends PartitionLag {
  /** Records per second that the group processed over the last minute; null before two measurements. */
  readonly rate: number | null;
  /** Records per second that arrived. */
  readonly arrival_rate: number | null;
  /** Seconds until the lag is 0 at these rates; null when the lag does not shrink or a rate is unknown. */
  readonly catch_up_seconds: number | null;
}

export interface GroupLag {
  readonly group: string;
  /** Sum over the partitions with known lag. */
  readonly lag: number;
  readonly rate: number | null;
  /** Maximum over the partitions; null when one of them is null. */
  readonly catch_up_seconds: number | null;
}

export interface LagAnswer {
  /** Time of the request (epoch ms). */
  readonly at: number;
  readonly partitions: readonly LagLine[];
  readonly groups: readonly GroupLag[];
  readonly total: number;
  readonly congestion: readonly Congestion[];
  /** Reasons for unavailable values. */
  readonly problems: readonly string[];
}

/** Builds the response; `rate` returns undefined before two measurements. */
export function lagAnswer(
  { partitions, problems }: PartitionReport<PartitionLag>,
  rate: (at: PartitionLag) => Rate | undefined,
  congestion: readonly Congestion[],
  at: number,
): LagAnswer {
  const lines = partitions.map((partition): LagLine => {
    const known = rate(partition);
    return {
      ...partition,
      rate: known?.consumed ?? null,
      arrival_rate: known?.arriving ?? null,
      catch_up_seconds: catchUp(partition.lag, known),
    };
  });
  const names = [...new Set(lines.map(({ group }) => group))];
  const groups = names.map((name) =>
    sumOf(
      name,
      lines.filter(({ group }) => group === name),
    ),
  );
  return { at, partitions: lines, groups, total: groups.reduce((sum, { lag }) => sum + lag, 0), congestion, problems };
}

function sumOf(group: string, lines: readonly LagLine[]): GroupLag {
  const rates = lines.flatMap(({ rate }) => rate ?? []);
  const slowest = lines.map(({ catch_up_seconds }) => catch_up_seconds);
  return {
    group,
    lag: lines.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    rate: rates.length > 0 ? rates.reduce((sum, each) => sum + each, 0) : null,
    catch_up_seconds: slowest.includes(null) ? null : Math.max(0, ...(slowest as number[])),
  };
}
