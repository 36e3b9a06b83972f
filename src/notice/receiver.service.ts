import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { type AuditEntry, AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { nameKey, type Receiver, type ReceiverBody } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';

/** Names of the receivers that applying a list created, updated or left as they were. */
export interface AppliedReceivers {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

/** The parts of a receiver that the audit table shows: its settings may contain secrets. */
function auditOf({ name, channel, send_resolved, is_default, is_enabled }: ReceiverBody): object {
  return { name, channel, send_resolved, is_default, is_enabled };
}

/** The receivers of notices. */
@Injectable()
export class ReceiverService {
  constructor(
    private readonly database: Database,
    private readonly receivers: ReceiverRepository,
    private readonly reader: ReceiverReader,
    private readonly audit: AuditService,
  ) {}

  /** Throws T4007 when the name is taken. */
  async create(receiver: ReceiverBody, actor: Actor, now: number): Promise<Receiver> {
    return this.database.transaction(async () => {
      if (await this.#named(receiver.name)) throw new TocsinError('T4007', receiver.name);
      await this.#create(receiver, actor, now);
      return (await this.#named(receiver.name))!;
    });
  }

  /** Throws T4002 when there is no such receiver, T4007 when another receiver has the name. */
  async replace(id: number, receiver: ReceiverBody, actor: Actor, now: number): Promise<Receiver> {
    return this.database.transaction(async () => {
      const named = await this.#named(receiver.name);
      if (named && named.id !== id) throw new TocsinError('T4007', receiver.name);
      if (!(await this.receivers.replace(id, receiver, now))) throw new TocsinError('T4002', String(id));
      await this.#record('receiver.updated', receiver.name, { actor, after: auditOf(receiver) }, now);
      return (await this.reader.find(id))!;
    });
  }

  /** Notices that wait for the receiver end in the dead letters. Throws T4002 when there is no such receiver. */
  remove(id: number, actor: Actor, now: number): Promise<void> {
    return this.database.transaction(async () => {
      const before = await this.reader.find(id);
      if (!before || !(await this.receivers.remove(id))) throw new TocsinError('T4002', String(id));
      await this.#record('receiver.deleted', before.name, { actor, before: auditOf(before) }, now);
    });
  }

  /**
   * Creates receivers or updates those of the same name; others stay unchanged.
   * All changes are in one transaction.
   */
  async apply(receivers: readonly ReceiverBody[], actor: Actor, now: number): Promise<AppliedReceivers> {
    return this.database.transaction(async () => {
      const done = { created: [] as string[], updated: [] as string[], unchanged: [] as string[] };
      for (const receiver of receivers) done[await this.#upsert(receiver, actor, now)].push(receiver.name);
      return done;
    });
  }

  async #upsert(receiver: ReceiverBody, actor: Actor, now: number): Promise<keyof AppliedReceivers> {
    const stored = await this.#named(receiver.name);
    if (!stored) {
      await this.#create(receiver, actor, now);
      return 'created';
    }
    const { id, created_at, updated_at, ...body } = stored;
    if (isDeepStrictEqual(body, receiver)) return 'unchanged';
    await this.receivers.replace(id, receiver, now);
    await this.#record('receiver.updated', receiver.name, { actor, after: auditOf(receiver) }, now);
    return 'updated';
  }

  async #create(receiver: ReceiverBody, actor: Actor, now: number): Promise<void> {
    await this.receivers.create(receiver, now);
    await this.#record('receiver.created', receiver.name, { actor, after: auditOf(receiver) }, now);
  }

  #record(action: `receiver.${string}`, name: string, what: Pick<AuditEntry, 'actor' | 'before' | 'after'>, now: number): Promise<void> {
    return this.audit.record({ action, object: { kind: 'receiver', id: name }, ...what }, now);
  }

  async #named(name: string): Promise<Receiver | undefined> {
    return (await this.reader.all()).find((receiver) => nameKey(receiver.name) === nameKey(name));
  }
}
