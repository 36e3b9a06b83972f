import type { Policy } from './policy.js';

/** Births of a scope by slice of the storm window: [start of the slice (ms), births]. At most about {@link SLICES} of them. */
export type Births = readonly (readonly [start: number, count: number])[];

/** A birth counts for a window, or for up to one slice less. */
const SLICES = 60;

/** Births within the window that ends now. */
export function birthsWithin(births: Births, window: number, now: number): number {
  return births.reduce((sum, [start, count]) => (start > now - window ? sum + count : sum), 0);
}

/** Adds a birth, and forgets what has left the window. */
export function addBirth(births: Births, window: number, now: number): Births {
  const width = Math.max(1, Math.floor(window / SLICES));
  const slice = Math.floor(now / width) * width;
  const kept = births.filter(([start]) => start > now - window);
  const at = kept.findIndex(([start]) => start === slice);
  return at < 0 ? [...kept, [slice, 1]] : kept.with(at, [slice, kept[at]![1] + 1]);
}

export type Place = 'group' | 'storm';

/**
 * Where an alert goes that is born after `before` others within the window. A storm begins with the birth that exceeds the threshold,
 * and takes births until they fall below half of it (hysteresis); a storm that stopped begins again only above the threshold.
 */
export function birthPlace(isTaking: boolean, before: number, threshold: number): Place {
  if (threshold === 0) return 'group';
  if (isTaking && before * 2 >= threshold) return 'storm';
  return before + 1 > threshold ? 'storm' : 'group';
}

/** Whether `more` births can make a storm begin; it may be going on already. */
export function mayBegin(
  births: Births,
  more: number,
  { stormThreshold, stormWindow }: Pick<Policy, 'stormThreshold' | 'stormWindow'>,
  now: number,
): boolean {
  return stormThreshold > 0 && birthsWithin(births, stormWindow, now) + more > stormThreshold;
}
