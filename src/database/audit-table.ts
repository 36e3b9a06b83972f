import type { Actor } from '../shared/actor.js';
import { clippedLongText, clippedText, json, ms, named, nullable, sequence, textColumn } from './column.js';
import { table } from './table.js';

/** A row of the audit table. */
export interface StoredAuditEntry {
  readonly id: number;
  readonly at: number;
  readonly actorKind: Actor['kind'];
  readonly actorName: string;
  readonly action: string;
  readonly objectKind: string;
  readonly objectId: string;
  readonly why: string;
  readonly detail: { readonly before?: unknown; readonly after?: unknown } | null;
}

export const auditTable = table<StoredAuditEntry, never, 'id'>('audit', {
  id: sequence(),
  at: ms(),
  actorKind: named('actor_kind', textColumn(16)),
  actorName: named('actor_name', textColumn(128)),
  action: textColumn(64),
  objectKind: named('object_kind', textColumn(64)),
  objectId: named('object_id', clippedText(255)),
  why: clippedLongText(4000),
  detail: nullable(json()),
});
