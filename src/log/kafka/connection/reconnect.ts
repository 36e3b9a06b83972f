import { backoff } from '../../../shared/retry.js';

const QUICK_TRIES = 3;

/**
 * Milliseconds until the next try after the `failures`-th failure in a row (1, 2, 3 …): three quick ones, for what passes by itself, then
 * doubling waits that end in a check every `check` ms. `random` is in [0, 1).
 */
export function reconnectWait(failures: number, random: number, check: number): number {
  if (failures <= QUICK_TRIES) return Math.min(check, backoff(failures, random, 200, 800));
  return backoff(failures - QUICK_TRIES, random, Math.min(check, 1000), check);
}
