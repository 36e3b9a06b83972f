import type { ReferenceAlert } from './journal.js';

/** One request that the receiver answered, or received and died over. */
export interface Delivery {
  readonly idempotencyKey: string;
  readonly status: 'firing' | 'resolved';
  /** Ids of the alerts that the body lists, by what it says of them. */
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  /** By the receiver's clock; deliveries of the same moment count in the order of the list. */
  readonly receivedAt: number;
}

/** What was told about one alert, in order. */
type Told = ('firing' | 'resolved')[];

/**
 * Every alert that fired was told as firing, unless it was never due; what was told as firing and ended was told as ended,
 * and that is the last word about it; nothing was told that is not so.
 */
export function missedNotices(
  expected: ReadonlyMap<string, ReferenceAlert>,
  deliveries: readonly Delivery[],
  neverDue: ReadonlySet<string>,
): string[] {
  const told = toldAbout(deliveries);
  const violations: string[] = [];
  for (const [id, { status }] of expected) {
    const words = told.get(id) ?? [];
    const ended = status !== 'ABNORMAL';
    if (!words.includes('firing') && !neverDue.has(id)) violations.push(`notice of alert ${id}: never told as firing`);
    if (ended && words.at(-1) === 'firing') violations.push(`notice of alert ${id}: told as firing, but its end was not told after that`);
    if (!ended && words.includes('resolved')) violations.push(`notice of alert ${id}: told as ended, but it is still open`);
  }
  for (const id of told.keys()) if (!expected.has(id)) violations.push(`notice of alert ${id}: told, but there should be no such alert`);
  return violations;
}

/** What the first delivery of each key said of each alert; a repetition of an old key is not news. */
function toldAbout(deliveries: readonly Delivery[]): Map<string, Told> {
  const told = new Map<string, Told>();
  const tell = (id: string, word: 'firing' | 'resolved') => told.set(id, [...(told.get(id) ?? []), word]);
  const seen = new Set<string>();
  for (const { idempotencyKey, firing, resolved } of inOrder(deliveries)) {
    if (seen.has(idempotencyKey)) continue;
    seen.add(idempotencyKey);
    firing.forEach((id) => tell(id, 'firing'));
    resolved.forEach((id) => tell(id, 'resolved'));
  }
  return told;
}

/** A key comes again only after a kill, and then says the same. */
export function duplicateDeliveries(deliveries: readonly Delivery[], kills: number): string[] {
  const first = new Map<string, string>();
  const violations: string[] = [];
  let duplicates = 0;
  for (const { idempotencyKey, status, firing, resolved } of inOrder(deliveries)) {
    const content = JSON.stringify([status, [...firing].sort(), [...resolved].sort()]);
    const before = first.get(idempotencyKey);
    if (before !== undefined) duplicates++;
    if (before !== undefined && before !== content)
      violations.push(`delivery ${idempotencyKey}: came again with another content, ${before} then ${content}`);
    first.set(idempotencyKey, before ?? content);
  }
  if (duplicates > kills) violations.push(`deliveries: ${duplicates} came again under a known key, at most ${kills} may (kills)`);
  return violations;
}

const inOrder = (deliveries: readonly Delivery[]): Delivery[] => [...deliveries].sort((a, b) => a.receivedAt - b.receivedAt);

/**
 * The alerts that may go without notice: they ended before the first flush of the group they joined could be due.
 * Times are those at which the stage saw them (epoch ms); `waitMs` is the group wait, or the interval for one that joined a known group.
 */
export function endedBeforeFlush(alerts: readonly { alert_id: string; joinedAt: number; endedAt: number | null; waitMs: number }[]): Set<string> {
  return new Set(alerts.filter(({ joinedAt, endedAt, waitMs }) => endedAt !== null && endedAt <= joinedAt + waitMs).map(({ alert_id }) => alert_id));
}
