import { canonical, identity } from '../shared/identity.js';
import type { AlertEvent } from '../topics.js';

/** Identity of a scope, in which storms are counted: a strategy of a business, or for external alerts an alert name of a business. */
export function scopeKey({ bk_biz_id, strategy_id, alert_name }: Pick<AlertEvent, 'bk_biz_id' | 'strategy_id' | 'alert_name'>): string {
  return identity('scope', bk_biz_id, strategy_id, strategy_id === 0 ? alert_name : '');
}

/** The values by which an alert is grouped: dimensions first, then labels; a missing one is empty. */
export function groupDimensions(
  { dimensions, labels }: Pick<AlertEvent, 'dimensions' | 'labels'>,
  groupBy: readonly string[],
): Record<string, string> {
  return Object.fromEntries(groupBy.map((name) => [name, own(dimensions, name) ?? own(labels, name) ?? '']));
}

const own = (values: Readonly<Record<string, string>>, name: string): string | undefined => (Object.hasOwn(values, name) ? values[name] : undefined);

/** Identity of a group in all its lives. */
export const groupKey = (scope: string, dimensions: Readonly<Record<string, string>>): string => identity('group', scope, canonical(dimensions));

/** Identity of a scope's storm in all its lives. */
export const stormKey = (scope: string): string => identity('storm', scope);

/** Identity of one life of a group. */
export const convergeId = (group: string, firstEventId: string): string => identity('converge', group, firstEventId);
