import { z } from 'zod';
import { booleanParameter, one, querySchema, whole } from '../../shared/parse.js';

/** Selection of records of a topic. */
export interface TailQuery {
  readonly n: number;
  readonly partition?: number | undefined;
  /** The key of a record, or of an event in its envelope. */
  readonly key?: string | undefined;
  /** Text in the key or the value. */
  readonly grep?: string | undefined;
  /** Maximum number of records that a search reads, over all partitions. */
  readonly scan: number;
  readonly raw: boolean;
  readonly unfold: boolean;
  /** Start offset by partition (the `next` of a response), instead of the newest records. */
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

/** The query string of a {@link TailQuery}. */
export const tailQuery = querySchema(
  z.strictObject({
    n: whole(1, 1000).default(10).describe('How many'),
    partition: whole(0, 1_000_000).optional(),
    key: one.optional().describe('Only records, or events of envelopes, with this key'),
    grep: one.min(1).optional().describe('Only records with this text'),
    scan: whole(1, 1_000_000).default(20_000).describe('Records that a search looks at'),
    raw: booleanParameter.default(false).describe('true: nothing is decoded'),
    unfold: booleanParameter.default(false).describe('true: the events of an envelope one by one'),
    after: positions.optional().meta({ type: 'string', description: 'From these positions on (the next of an answer), oldest first' }),
  }),
  'T6405',
);

/** Formats positions for the next request. */
export const positionsText = (positionsOf: ReadonlyMap<number, number>): string =>
  [...positionsOf]
    .sort(([a], [b]) => a - b)
    .map((pair) => pair.join(':'))
    .join(',');
