import { backoff } from '../../../shared/retry.js';

const QUICK_RETRIES = 3;

/**
 * Milliseconds until the next connection attempt after `failures` consecutive failures (1, 2, 3 …): three quick retries, then exponential
 * backoff up to `maxMs`. `random` is in [0, 1).
 */
export function reconnectBackoff(failures: number, random: number, maxMs: number): number {
  if (failures <= QUICK_RETRIES) return Math.min(maxMs, backoff(failures, random, 200, 800));
  return backoff(failures - QUICK_RETRIES, random, Math.min(maxMs, 1000), maxMs);
}
