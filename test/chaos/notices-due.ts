import { endedBeforeFlush } from '../oracle/compare-notices.js';
import type { Remains, StoredMember } from './remains.js';
import { type Arrival, noticeOf } from './sink.js';

/** How alerts came to the receivers' ears, or why they need not. */
export interface Telling {
  /** Alerts that need not be told by name. */
  readonly neverDue: ReadonlySet<string>;
  /** They were over before their group had to be told. */
  readonly endedBefore: number;
  /** A storm told their number. */
  readonly counted: number;
}

/** Which alerts may lack a notice that names them; `waitMs` is the longest time that a group may wait for company. */
export function tellingOf({ members, notices }: Pick<Remains, 'members' | 'notices'>, arrivals: readonly Arrival[], waitMs: number): Telling {
  const named = new Set(arrivals.flatMap(({ body }) => noticeOf(body).alerts.map(({ annotations }) => annotations.tocsin_alert_id)));
  const unnamed = members.filter(({ alert_id }) => !named.has(alert_id));
  const ended = endedBeforeFlush(unnamed.map(({ alert_id, born_at, ended_at }) => ({ alert_id, joinedAt: born_at, endedAt: ended_at, waitMs })));
  const counted = countedInStorms(
    unnamed.filter(({ alert_id }) => !ended.has(alert_id)),
    digests(notices, arrivals),
  );
  return { neverDue: new Set([...ended, ...counted]), endedBefore: ended.size, counted: counted.size };
}

/** Deliveries that leave alerts out and say how many, by converge_id: the times of their arrival. */
function digests(notices: Remains['notices'], arrivals: readonly Arrival[]): Map<string, number[]> {
  const groups = new Map(notices.map(({ idempotency_key, converge_id }) => [idempotency_key, converge_id]));
  const found = new Map<string, number[]>();
  for (const { key, body, fate, receivedAt } of arrivals) {
    const group = groups.get(key);
    if (group === undefined || fate !== 'answered' || noticeOf(body).truncatedAlerts === 0) continue;
    found.set(group, [...(found.get(group) ?? []), receivedAt]);
  }
  return found;
}

/** Members of a storm of which a digest told that there are more than it names, after the member was born. */
function countedInStorms(members: readonly StoredMember[], digestsOf: ReadonlyMap<string, readonly number[]>): Set<string> {
  const counted = members.filter(
    ({ kind, converge_id, born_at }) => kind === 'storm' && digestsOf.get(converge_id)?.some((receivedAt) => receivedAt >= born_at),
  );
  return new Set(counted.map(({ alert_id }) => alert_id));
}
