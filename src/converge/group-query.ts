import { z } from 'zod';
import { one, parse, whole } from '../shared/parse.js';

/** Place of a row in a list that is sorted newest first. */
export interface Position {
  readonly at: number;
  readonly id: string;
}

const limit = whole(1, 1000).default(50);
const position = z.tuple([z.number().int(), z.string()]);
const cursor = one.transform((text, context): Position => {
  try {
    const [at, id] = position.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return { at, id };
  } catch {
    context.addIssue({ code: 'custom', message: `${text} is not a cursor of this list` });
    return z.NEVER;
  }
});
const states = one.transform((text) => text.split(',')).pipe(z.array(z.enum(['pending', 'notified', 'ended'])));

const groupQuery = z.strictObject({
  bk_biz_id: one.optional(),
  strategy_id: one.regex(/^\d+$/, 'must be an integer').transform(Number).optional(),
  kind: one.pipe(z.enum(['group', 'storm'])).optional(),
  /** Open groups unless said otherwise. */
  state: states.default(['pending', 'notified']),
  limit,
  cursor: cursor.optional(),
});
const pageQuery = z.strictObject({ limit, cursor: cursor.optional() });

export type GroupQuery = z.output<typeof groupQuery>;
export type PageQuery = z.output<typeof pageQuery>;

/** Parses the query string of the group list. Throws {@link TocsinError} T3003 that names every field that is wrong. */
export const parseGroupQuery = (query: unknown): GroupQuery => parse(groupQuery, query ?? {}, 'T3003', 'query');

/** Parses the query string of one group's members. Throws as {@link parseGroupQuery}. */
export const parsePageQuery = (query: unknown): PageQuery => parse(pageQuery, query ?? {}, 'T3003', 'query');

export const cursorOf = ({ at, id }: Position): string => Buffer.from(JSON.stringify([at, id])).toString('base64url');
