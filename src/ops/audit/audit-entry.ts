import { z } from 'zod';
import type { StoredAuditEntry } from '../../database/audit-table.js';
import { actorKinds } from '../../shared/actor.js';

const entry = z.object({
  id: z.number(),
  at: z.number(),
  actor: z.object({ kind: z.enum(actorKinds), name: z.string() }),
  action: z.string().describe('Noun and verb, such as strategy.updated'),
  object: z.object({ kind: z.string(), id: z.string() }),
  why: z.string().describe('The reason that the request gave; empty without one'),
  before: z.unknown().optional().describe('The object before the write, or the part that changed'),
  after: z.unknown().optional(),
});

/** One page of the audit log. */
export const auditResponse = z.object({ entries: z.array(entry), next_cursor: z.string().nullable() });

/** A row of the audit table in API responses. */
export type AuditEntryView = z.output<typeof entry>;

export const auditEntryView = ({ id, at, actorKind, actorName, action, objectKind, objectId, why, detail }: StoredAuditEntry): AuditEntryView => ({
  id,
  at,
  actor: { kind: actorKind, name: actorName },
  action,
  object: { kind: objectKind, id: objectId },
  why,
  ...detail,
});
