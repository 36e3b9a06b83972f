import type { Policy } from './policy.js';

/** New alerts of a scope by slice of the storm window: [start of the slice (ms), alerts]. At most about {@link SLICES} entries. */
export type Arrivals = readonly (readonly [start: number, count: number])[];

/** An arrival counts for one window, or for up to one slice less. */
const SLICES = 60;

/** Arrivals within the window that ends now. */
export function arrivalsWithin(arrivals: Arrivals, window: number, now: number): number {
  return arrivals.reduce((sum, [start, count]) => (start > now - window ? sum + count : sum), 0);
}

/** Adds one arrival and drops slices older than the window. */
export function addArrival(arrivals: Arrivals, window: number, now: number): Arrivals {
  const width = Math.max(1, Math.floor(window / SLICES));
  const slice = Math.floor(now / width) * width;
  const kept = arrivals.filter(([start]) => start > now - window);
  const at = kept.findIndex(([start]) => start === slice);
  return at < 0 ? [...kept, [slice, 1]] : kept.with(at, [slice, kept[at]![1] + 1]);
}

export type Placement = 'group' | 'storm';

/**
 * Placement of a new alert that follows `before` others within the window. A storm begins with the arrival that exceeds the threshold
 * and accepts new alerts until the rate falls below half of the threshold (hysteresis); after that it accepts again only above the threshold.
 */
export function placementOf(isAccepting: boolean, before: number, threshold: number): Placement {
  if (threshold === 0) return 'group';
  if (isAccepting && before * 2 >= threshold) return 'storm';
  return before + 1 > threshold ? 'storm' : 'group';
}

/** Whether `more` arrivals can begin a storm, or continue one. */
export function mayBeginStorm(
  arrivals: Arrivals,
  more: number,
  { stormThreshold, stormWindow }: Pick<Policy, 'stormThreshold' | 'stormWindow'>,
  now: number,
): boolean {
  return stormThreshold > 0 && arrivalsWithin(arrivals, stormWindow, now) + more > stormThreshold;
}
