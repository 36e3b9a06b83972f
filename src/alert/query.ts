import { z } from 'zod';
import { cursor, cursorText, limit } from '../shared/page.js';
import { booleanParameter, one, querySchema, whole } from '../shared/parse.js';
import { alertStatus, type Severity } from '../topics.js';
import { severityNames } from '../shared/severity.js';
import { alertLabels } from '../shared/alert-labels.js';
import { type Alert } from './alert.js';
import { type LabelMatcher, matches, parseMatcher } from './matcher.js';

/** Place of a row in a list that is sorted newest first. */
export interface Position {
  readonly begin_time: number;
  readonly alert_id: string;
}

/** Filter of the alert list. */
export interface AlertFilter {
  readonly status?: readonly Alert['status'][];
  readonly severity?: readonly Severity[];
  readonly bk_biz_id?: string;
  readonly strategy_id?: number;
  readonly acknowledged?: boolean;
  readonly name?: string;
  /** begin_time in [from, to), ms. */
  readonly from?: number;
  readonly to?: number;
  readonly labels: readonly LabelMatcher[];
}

export interface AlertQuery {
  readonly filter: AlertFilter;
  readonly limit: number;
  /** The page starts after this row. */
  readonly after?: Position;
}

const all = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const list = all.transform((values) =>
  values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter(Boolean),
);

const severities: Readonly<Record<string, Severity>> = Object.fromEntries(
  Object.entries(severityNames).flatMap(([level, name]) => [
    [level, Number(level) as Severity],
    [name, Number(level) as Severity],
  ]),
);
const severity = z.string().transform((text, context) => {
  const found = Object.hasOwn(severities, text) ? severities[text] : undefined;
  if (found === undefined) context.addIssue({ code: 'custom', message: `${text} is not 1 (fatal), 2 (warning) or 3 (remind)` });
  return found ?? z.NEVER;
});
const time = one.transform((text, context) => {
  const value = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isSafeInteger(value)) context.addIssue({ code: 'custom', message: `${text} is neither epoch milliseconds nor an ISO 8601 timestamp` });
  return value;
});

const schema = z.strictObject({
  status: list.pipe(z.array(alertStatus)).optional().meta({ type: 'string', description: 'ABNORMAL, RECOVERED, CLOSED; comma-separated' }),
  severity: list.pipe(z.array(severity)).optional().meta({ type: 'string', description: '1 or fatal, 2 or warning, 3 or remind; comma-separated' }),
  bk_biz_id: one.optional(),
  strategy_id: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  acknowledged: booleanParameter.optional(),
  name: one.optional().describe('Exact alert name'),
  filter: all.default([]).describe('Label matcher such as host="web-1" or host!="web-1"; repeatable, all must match'),
  from: time.optional().describe('begin_time at or after: epoch ms or ISO 8601'),
  to: time.optional().describe('begin_time before: epoch ms or ISO 8601'),
  limit,
  cursor: cursor(z.number().int(), z.string()),
});

/** The query string of the alert list. */
export const alertQuery = querySchema(
  schema.transform(({ filter, limit, cursor, ...rest }): AlertQuery => {
    const after = cursor && { begin_time: cursor[0], alert_id: cursor[1] };
    return { filter: { ...rest, labels: filter.map(parseMatcher) }, limit, ...(after && { after }) };
  }),
  'T3003',
);

/** The conditions that SQL cannot decide: collations differ between databases, and labels are JSON text. */
export function fits(alert: Alert, { name, bk_biz_id, labels }: AlertFilter): boolean {
  if (name !== undefined && alert.alert_name !== name) return false;
  if (bk_biz_id !== undefined && alert.bk_biz_id !== bk_biz_id) return false;
  return labels.length === 0 || matches(labels, alertLabels(alert));
}

export const cursorOf = ({ begin_time, alert_id }: Position): string => cursorText([begin_time, alert_id]);
