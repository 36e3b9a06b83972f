import { z } from 'zod';
import { cursor, limit } from '../shared/page.js';
import { one, querySchema, whole } from '../shared/parse.js';

/** Position in a list that is sorted newest first. */
const position = cursor(z.number().int(), z.string());
const states = one.transform((text) => text.split(',')).pipe(z.array(z.enum(['pending', 'notified', 'ended'])));

export const groupQuery = querySchema(
  z.strictObject({
    bk_biz_id: one.optional(),
    strategy_id: whole(0, Number.MAX_SAFE_INTEGER).optional().describe('0: alerts of external senders'),
    kind: one.pipe(z.enum(['group', 'storm'])).optional(),
    state: states
      .default(['pending', 'notified'])
      .meta({ type: 'string', default: 'pending,notified', description: 'pending, notified, ended; several with commas' }),
    limit,
    cursor: position,
  }),
  'T3003',
);
export const memberQuery = querySchema(z.strictObject({ limit, cursor: position }), 'T3003');

export type GroupQuery = z.output<typeof groupQuery>;
export type MemberQuery = z.output<typeof memberQuery>;
