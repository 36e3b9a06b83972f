import { Injectable } from '@nestjs/common';
import type { Actor } from '../shared/actor.js';
import { auditTable, type StoredAuditEntry } from './audit-table.js';
import { Database } from './database.client.js';

/** Reference to the changed object: `{ kind: 'strategy', id: '7' }`. */
export interface AuditObject {
  readonly kind: string;
  readonly id: string;
}

/** One write: who did what to which object, and why. */
export interface AuditEntry {
  readonly actor: Actor;
  /** Noun and verb, such as `strategy.updated`. */
  readonly action: `${string}.${string}`;
  readonly object: AuditObject;
  readonly why?: string;
  /** The object before the write, or its changed fields; never a secret. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Appends to the audit table. */
@Injectable()
export class AuditService {
  constructor(private readonly database: Database) {}

  /** Writes one row for each entry, in the open transaction if there is one, else in its own. */
  async record(entries: AuditEntry | readonly AuditEntry[], now: number): Promise<void> {
    const rows = [entries].flat().map((entry) => rowOf(entry as AuditEntry, now));
    await this.database.transaction(() => this.database.insertAll(auditTable, rows));
  }
}

function rowOf({ actor, action, object, why = '', before, after }: AuditEntry, at: number): Omit<StoredAuditEntry, 'id'> {
  const detail = before === undefined && after === undefined ? null : { before, after };
  return { at, actorKind: actor.kind, actorName: actor.name, action, objectKind: object.kind, objectId: object.id, why, detail };
}
