import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from './errors.js';

/** Maximum nesting depth of objects and arrays in a JSON text. */
export const MAX_DEPTH = 32;

/** Reason to reject a text: invalid UTF-8, invalid JSON, too deep nesting, a key that could reach a prototype. */
export type JsonFlaw = 'utf8' | 'json' | 'depth' | 'proto';

/** The error of {@link parseJson}. */
export class JsonError extends Error {
  constructor(
    readonly reason: JsonFlaw,
    message: string,
  ) {
    super(message);
    this.name = 'JsonError';
  }
}

/** Error code of each flaw, for data from a sender. */
export const flawCodes = { utf8: 'T1002', json: 'T1001', depth: 'T1005', proto: 'T1006' } as const satisfies Record<JsonFlaw, ErrorCode>;

const flawWords = {
  depth: `more than ${MAX_DEPTH} levels of nesting`,
  proto: 'forbidden key __proto__, constructor or prototype',
} as const;

/**
 * Parses JSON from an untrusted source: strict UTF-8, bounded depth, no key that could reach a prototype.
 * Throws {@link JsonError}. Costs about a tenth more than `JSON.parse(bytes.toString())`.
 */
export function parseJson(bytes: Buffer): unknown {
  const value = parseText(decodeText(bytes));
  const flaw = flawOf(value, MAX_DEPTH);
  if (flaw) throw new JsonError(flaw, flawWords[flaw]);
  return value;
}

/** The text of UTF-8 bytes, without a byte order mark. Throws {@link JsonError} `utf8`. */
export function decodeText(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new JsonError('utf8', 'invalid UTF-8');
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** `JSON.parse` with the error position where available. Throws {@link JsonError} `json`. Callers must check the result with {@link flawOf}. */
export function parseText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new JsonError('json', text.trim() === '' ? 'empty' : (error as Error).message);
  }
}

/** Reason to reject a parsed value: a key that could reach a prototype, or more than `levels` levels. Descends no deeper than that. */
export function flawOf(value: unknown, levels: number): 'depth' | 'proto' | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return 'depth';
  if (Array.isArray(value)) {
    for (const each of value as unknown[]) {
      const flaw = flawOf(each, levels - 1);
      if (flaw) return flaw;
    }
    return undefined;
  }
  for (const key in value) {
    if (forbiddenKey(key)) return 'proto';
    const flaw = flawOf((value as Record<string, unknown>)[key], levels - 1);
    if (flaw) return flaw;
  }
  return undefined;
}

/** Keys that could reach a prototype when a value is copied or merged. */
export function forbiddenKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}
