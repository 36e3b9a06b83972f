/**
 * The anomalies of the last `bits` periods of a level, one bit each: bit k of the words from `at` on is the period k before the latest.
 * Bits past `bits` are always 0.
 */
export const wordsFor = (bits: number): number => (bits + 31) >>> 5;

/** Advances a window by `periods` periods without anomalies; Infinity clears it. */
export function slide(words: Uint32Array, at: number, bits: number, periods: number): void {
  const length = wordsFor(bits);
  if (periods >= bits) {
    words.fill(0, at, at + length);
    return;
  }
  const whole = periods >>> 5;
  const rest = periods & 31;
  for (let word = length - 1; word >= 0; word--) {
    const source = word - whole;
    const carried = rest > 0 && source > 0 ? words[at + source - 1]! >>> (32 - rest) : 0;
    words[at + word] = source < 0 ? 0 : (words[at + source]! << rest) | carried;
  }
  const beyond = length * 32 - bits;
  words[at + length - 1]! &= 0xffffffff >>> beyond;
}

/** Age in periods of the nth latest anomaly (n = 1 is the latest); Infinity when there are fewer. */
export function ageOf(words: Uint32Array, at: number, bits: number, nth: number): number {
  for (let word = 0; word < wordsFor(bits); word++) {
    for (let left = words[at + word]!; left !== 0; left &= left - 1) {
      if (--nth === 0) return word * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return Infinity;
}

/** Age in periods of each anomaly of the window, oldest first. */
export function agesOf(words: Uint32Array, at: number, bits: number): number[] {
  const ages: number[] = [];
  for (let age = bits - 1; age >= 0; age--) if ((words[at + (age >>> 5)]! >>> (age & 31)) & 1) ages.push(age);
  return ages;
}
