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

export interface Waits {
  /** The setting GROUP_WAIT_MS. */
  readonly waitMs: number;
  /** The setting GROUP_INTERVAL_MS. */
  readonly intervalMs: number;
}

/**
 * The time of birth is read before the group is locked. While an alert waits for the lock, at most so long, others may open its group,
 * and messages of the group may leave that do not have it.
 */
const LOCKED_MS = 5000;

/** Which alerts may lack a notice that names them. */
export function tellingOf(remains: Pick<Remains, 'members' | 'notices' | 'tellings'>, arrivals: readonly Arrival[], waits: Waits): Telling {
  const named = new Set(arrivals.flatMap(({ body }) => noticeOf(body).alerts.map(({ annotations }) => annotations.tocsin_alert_id)));
  const unnamed = remains.members.filter(({ alert_id }) => !named.has(alert_id));
  const told = timesBy(remains.tellings.map(({ converge_id, time }) => [converge_id, time]));
  const ended = unnamed.filter((member) => endedBeforeItsTurn(member, told.get(member.converge_id) ?? [], waits));
  const digested = digests(remains.notices, arrivals);
  const counted = unnamed.filter((member) => !ended.includes(member) && countedInStorm(member, digested.get(member.converge_id) ?? []));
  return { neverDue: new Set([...ended, ...counted].map(({ alert_id }) => alert_id)), endedBefore: ended.length, counted: counted.length };
}

/**
 * A group is told when it has waited for company, and no earlier than the interval after its latest message (`told`: the times of all its messages).
 * What ends before that is never told; what ends later must be, however late we are.
 */
function endedBeforeItsTurn({ created_at, ended_at, opened_at }: StoredMember, told: readonly number[], { waitMs, intervalMs }: Waits): boolean {
  if (ended_at === null) return false;
  const joined = Math.max(created_at, Math.min(opened_at, created_at + LOCKED_MS));
  const latest = Math.max(-Infinity, ...told.filter((time) => time <= ended_at && time <= created_at + LOCKED_MS));
  return ended_at <= Math.max(joined + waitMs, latest + intervalMs);
}

/** Times of the deliveries that leave alerts out and say how many, by converge_id. */
function digests(notices: Remains['notices'], arrivals: readonly Arrival[]): Map<string, number[]> {
  const groups = new Map(notices.map(({ idempotency_key, converge_id }) => [idempotency_key, converge_id]));
  const found = arrivals.filter(({ fate, body }) => fate === 'answered' && noticeOf(body).truncatedAlerts > 0);
  return timesBy(found.map(({ key, receivedAt }) => [groups.get(key) ?? '', receivedAt]));
}

/** A storm told, after the alert was born, that it has more members than it names. */
const countedInStorm = ({ kind, created_at }: StoredMember, digestedAt: readonly number[]): boolean =>
  kind === 'storm' && digestedAt.some((receivedAt) => receivedAt >= created_at);

function timesBy(pairs: readonly (readonly [string, number])[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const [name, time] of pairs) {
    const known = times.get(name);
    if (known) known.push(time);
    else times.set(name, [time]);
  }
  return times;
}
