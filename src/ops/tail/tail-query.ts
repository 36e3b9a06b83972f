import { z } from 'zod';
import { flag, one, parse, whole } from '../../shared/parse.js';

/** Which records of a topic somebody wants to see. */
export interface TailQuery {
  readonly n: number;
  readonly partition?: number | undefined;
  /** The key of a record, or of an event in its envelope. */
  readonly key?: string | undefined;
  /** Text that stands in the value. */
  readonly grep?: string | undefined;
  /** Records that a search looks at, over all partitions. */
  readonly scan: number;
  readonly raw: boolean;
  readonly unfold: boolean;
  /** From these offsets on instead of the newest; what the `next` of an answer says. */
  readonly after?: ReadonlyMap<number, number> | undefined;
}

const positions = one.regex(/^(\d{1,6}:\d{1,15}(,\d{1,6}:\d{1,15})*)?$/, 'must be partition:offset,partition:offset').transform(
  (text) =>
    new Map(
      text
        .split(',')
        .filter(Boolean)
        .map((part) => part.split(':').map(Number) as [number, number]),
    ),
);

const schema = z.strictObject({
  n: whole(1, 1000).default(10),
  partition: whole(0, 1_000_000).optional(),
  key: one.optional(),
  grep: one.min(1).optional(),
  scan: whole(1, 1_000_000).default(20_000),
  raw: flag.default(false),
  unfold: flag.default(false),
  after: positions.optional(),
});

/** Parses the query string. Throws {@link TocsinError} T6405 that names what is wrong. */
export function parseTailQuery(query: unknown): TailQuery {
  return parse(schema, query ?? {}, 'T6405', 'query');
}

/** Positions as text, for the next question. */
export const positionsText = (positionsOf: ReadonlyMap<number, number>): string =>
  [...positionsOf]
    .sort(([a], [b]) => a - b)
    .map((pair) => pair.join(':'))
    .join(',');
