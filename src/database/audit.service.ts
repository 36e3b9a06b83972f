import { Injectable } from '@nestjs/common';
import type { Actor } from '../shared/actor.js';
import { Database } from './database.client.js';

/** Names the thing that was changed: `{ kind: 'strategy', id: '7' }`. */
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
  /** The object before the write, or what of it changed; never a secret. */
  readonly before?: unknown;
  readonly after?: unknown;
}

const COLUMNS = ['at', 'actor_kind', 'actor_name', 'action', 'object_kind', 'object_id', 'why', 'detail'];
const ID_LENGTH = 255;
const WHY_LENGTH = 4000;

/** Appends to the audit table. */
@Injectable()
export class AuditService {
  constructor(private readonly database: Database) {}

  /** Writes one row for each entry, in the transaction that is open, else in one of its own. */
  async record(entries: AuditEntry | readonly AuditEntry[], now: number): Promise<void> {
    const rows = [entries].flat().map((entry) => rowOf(entry as AuditEntry, now));
    if (rows.length > 0) await this.database.transaction(() => this.database.insert('audit', COLUMNS, rows));
  }
}

function rowOf({ actor, action, object, why = '', before, after }: AuditEntry, now: number): unknown[] {
  const detail = before === undefined && after === undefined ? null : JSON.stringify({ before, after });
  return [now, actor.kind, actor.name, action, object.kind, object.id.slice(0, ID_LENGTH), why.slice(0, WHY_LENGTH), detail];
}
