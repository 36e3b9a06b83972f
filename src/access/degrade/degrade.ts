import { z } from 'zod';
import { TocsinError } from '../../shared/errors.js';
import { canonical } from '../../shared/identity.js';
import { bodySchema } from '../../shared/parse.js';
import type { RawEvent } from '../../topics.js';
import { readTime } from '../time.js';

/** The source of a switch that applies to all sources. */
export const ALL_SOURCES = '*';

/** While active, drops part of the events of a source, for a stated reason. */
export interface DegradeSwitch {
  /** A declared source, an `event_source`, or {@link ALL_SOURCES}. */
  readonly source: string;
  /** Events of this priority and of less important ones (larger numbers) are dropped; null: none for their priority. */
  readonly drop_priority: number | null;
  /** Share of the series (of events and logs: of the ids) that is kept; null: all. */
  readonly keep: number | null;
  readonly reason: string;
  /** Name of the actor that set it. */
  readonly set_by: string;
  readonly set_at: number;
  readonly expires_at: number;
}

/** The switch that drops an event, and the criterion that matched. */
export interface Shed {
  readonly source: string;
  readonly by: 'priority' | 'sample';
}

/** Request body of a switch. */
export const switchSchema = bodySchema(
  z
    .strictObject({
      drop_priority: z.number().int().min(2).max(5).optional(),
      keep: z.number().min(0).lt(1).optional(),
      reason: z.string().trim().min(1).max(255),
      by: z.string().trim().min(1).max(128).optional(),
      expires_at: z.union([z.number(), z.string().max(64)]).optional(),
      for_ms: z.number().int().min(1000).optional(),
    })
    .refine(({ drop_priority, keep }) => drop_priority !== undefined || keep !== undefined, {
      path: ['drop_priority'],
      message: 'drop_priority or keep is required',
    })
    .refine(({ expires_at, for_ms }) => (expires_at === undefined) !== (for_ms === undefined), {
      path: ['expires_at'],
      message: 'expires_at or for_ms is required',
    }),
  { code: 'T1303', example: { drop_priority: 4, reason: 'log flood after the release', for_ms: 3_600_000, by: 'ann' } },
);

export type SwitchBody = z.output<typeof switchSchema>;

/** Builds the switch of a source from its body. Throws {@link TocsinError} T1303 for an invalid source or expiry. */
export function readSwitch(source: string, body: SwitchBody, { now, by, longest }: { now: number; by: string; longest: number }): DegradeSwitch {
  if (!/^[!-~]{1,64}$/.test(source)) throw new TocsinError('T1303', 'source: must be * or a name of at most 64 printable ASCII characters');
  const { drop_priority = null, keep = null, reason, expires_at, for_ms } = body;
  const expires = for_ms === undefined ? readTime(expires_at!) : now + for_ms;
  if (expires === undefined || expires <= now) throw new TocsinError('T1303', 'expires_at: must be in the future');
  if (expires > now + longest) throw new TocsinError('T1303', `expires_at: at most ${longest} ms from now (DEGRADE_MAX_MS)`);
  return { source, drop_priority, keep, reason, set_by: by, set_at: now, expires_at: expires };
}

/**
 * Returns why the event is dropped, or undefined. Every matching switch applies. External alerts are never dropped: an alert is a lease, and a lease
 * that is not renewed looks like a recovery. Ticks are never dropped, because they do not come from senders.
 */
export function shed(switches: Iterable<DegradeSwitch>, sources: readonly string[], event: RawEvent, now: number): Shed | undefined {
  if (event.event_type === 'alert' || event.event_type === 'tick') return undefined;
  for (const { source, drop_priority, keep, expires_at } of switches) {
    if (expires_at <= now || (source !== ALL_SOURCES && !sources.includes(source))) continue;
    if (drop_priority !== null && priorityOf(event) >= drop_priority) return { source, by: 'priority' };
    if (keep !== null && samplePosition(event) >= keep) return { source, by: 'sample' };
  }
  return undefined;
}

const byType: Readonly<Record<string, number>> = { alert: 1, event: 2, metric: 3, log: 4 };

/** Drop priority: 1 is kept longest, 5 is dropped first. The event's field `priority`, else a default by type (alert 1, event 2, metric 3, log 4). */
export function priorityOf(event: RawEvent): number {
  const given = (event as { priority?: unknown }).priority;
  return typeof given === 'number' && Number.isInteger(given) && given >= 1 && given <= 5 ? given : byType[event.event_type]!;
}

/** A fixed position in [0, 1) for each series, so that sampling keeps whole series; each event and each log record has its own. */
export function samplePosition(event: RawEvent): number {
  if (event.event_type !== 'metric') return hash(event.event_id) / 2 ** 32;
  return hash(`${event.bk_biz_id}\n${event.raw_data.metric}\n${canonical(event.raw_data.dimensions)}`) / 2 ** 32;
}

/** FNV-1a with the finalizer of MurmurHash3, which spreads names that differ only in their last character. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
