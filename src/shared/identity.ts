import { createHash } from 'node:crypto';

/** Values that can name a thing: a number equals its text, so `1` and `"1"` are the same identity. */
export type Scalar = string | number | boolean | null | undefined;

/**
 * Stable identity of a list of parts: 32 lower-case hex digits (the first 128 bits of SHA-256).
 * Parts are length-prefixed, so that different lists never have the same encoding.
 */
export function identity(...parts: readonly Scalar[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const text = part === null || part === undefined ? '' : String(part);
    hash.update(`${text.length}:${text};`);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Dimensions as one canonical text: sorted by name, names and values included, numbers as their text. */
export function canonical(dimensions: Readonly<Record<string, Scalar>>): string {
  const names = Object.keys(dimensions).sort();
  return JSON.stringify(names.map((name) => [name, String(dimensions[name] ?? '')]));
}
