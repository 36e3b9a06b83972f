import { backoff } from '../../../shared/retry.js';

const QUICK_RETRIES = 3;

/**
 * Milliseconds until the next try after the `failures`-th failure in a row (1, 2, 3 …): three quick ones, for what passes by itself, then
 * doubling waits that end in a maxMs every `maxMs` ms. `random` is in [0, 1).
 */
export function reconnectBackoff(failures: number, random: number, maxMs: number): number {
  if (failures <= QUICK_RETRIES) return Math.min(maxMs, backoff(failures, random, 200, 800));
  return backoff(failures - QUICK_RETRIES, random, Math.min(maxMs, 1000), maxMs);
}
