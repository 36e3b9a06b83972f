import type { RuleQuery } from './rules.js';

/**
 * The second cut: the value of an item's expression for one period of a series, computed from the closed buckets of its queries.
 * Called for each bucket that closes; undefined while the period still waits for the bucket of another query.
 */
export type ItemJoin = (query: number, id: number, period: number, value: number) => number | undefined;

/** The only query of an item is its expression, so each closed bucket is the value of its period. */
const identityJoin: ItemJoin = (_query, _id, _period, value) => value;

/** The join of an item's queries. Throws for several queries, since items have no expression yet. */
export function joinOf(queries: readonly RuleQuery[]): ItemJoin {
  if (queries.length !== 1) throw new Error(`an item with ${queries.length} queries needs an expression`);
  return identityJoin;
}
