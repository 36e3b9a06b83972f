/** Capped exponential backoff with jitter: milliseconds to wait after the `failures`-th failure in a row (1, 2, 3 …). `random` is in [0, 1). */
export function backoff(failures: number, random: number, first = 100, most = 5_000): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(failures - 1, 20));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
