import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import { Duties } from '../runtime/duties.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { identity } from '../shared/identity.js';
import type { AlertStatusChange } from '../topics.js';
import type { Alert } from '../alert/alert.js';
import { AlertReader } from '../alert/alert.reader.js';
import { compatiblePayload, fullPayload, pushTypeNow, pushTypeOf, type PushType } from './payload.js';
import { type NewPush, PushRepository } from './push.repository.js';
import { parseQueues, type Queue, queuesByKey, queuesOf, type Queues } from './queue.js';
import { messageOf } from '../shared/error-message.js';

/** Selects the queues for each change, and stores the pushes. */
@Injectable()
export class PushService {
  readonly #queues: Queues;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly alerts: AlertReader,
    private readonly pushes: PushRepository,
    private readonly duties: Duties,
    private readonly audit: AuditService,
  ) {
    this.#queues = readQueues(config.MESSAGE_QUEUE_DSN);
  }

  /** False when the settings name no queue. */
  get isOn(): boolean {
    return this.#queues.size > 0;
  }

  /** Age (ms) from which a failed push is dead; older changes are skipped. */
  get giveUpMs(): number {
    return this.config.MESSAGE_QUEUE_MAX_AGE_MS;
  }

  /** Every queue of the settings, by its key. */
  queues(): Map<string, Queue> {
    return queuesByKey(this.#queues);
  }

  /**
   * Stores pushes for the changes of one partition in the open transaction. A redelivered change adds none. Changes older than the limit
   * are skipped; after the commit `omitted` is called with their number.
   */
  async receive(changes: readonly AlertStatusChange[], now: number, omitted: (tooOld: number) => void): Promise<void> {
    const wanted = changes.filter((change) => pushTypeOf(change) && queuesOf(this.#queues, change.bk_biz_id).length > 0);
    const due = wanted.filter(({ time }) => now - time < this.giveUpMs);
    if (due.length > 0) await this.#keep(due, now);
    const tooOld = wanted.length - due.length;
    if (tooOld > 0) this.database.afterCommit(() => omitted(tooOld));
  }

  async #keep(due: readonly AlertStatusChange[], now: number): Promise<void> {
    const alerts = new Map((await this.alerts.findByIds([...new Set(due.map(({ alert_id }) => alert_id))])).map((alert) => [alert.alert_id, alert]));
    const pushes = due.flatMap((change) => {
      const alert = alerts.get(change.alert_id);
      return alert ? this.#pushes(asOf(alert, change), change.event_id, pushTypeOf(change)!) : [];
    });
    await this.pushes.add(pushes, now);
    this.database.afterCommit(() => this.duties.wake('push'));
  }

  /** Pushes the current state of an alert by hand. Returns the queues. Throws T3001 without such an alert, T4101 without a queue of its business. */
  async push(alertId: string, actor: Actor, now: number): Promise<string[]> {
    const alert = await this.alerts.find(alertId);
    if (!alert) throw new TocsinError('T3001', alertId);
    const pushes = this.#pushes(alert, identity('push', alertId, now), pushTypeNow(alert));
    if (pushes.length === 0) throw new TocsinError('T4101', `business ${alert.bk_biz_id}`);
    const queues = pushes.map(({ queue }) => queue.name);
    await this.database.transaction(async () => {
      await this.pushes.add(pushes, now);
      await this.audit.record({ actor, action: 'alert.pushed', object: { kind: 'alert', id: alertId }, after: { queues } }, now);
    });
    this.duties.wake('push');
    return queues;
  }

  /** Sends a dead push again. Throws T4102 when there is no such push, T4103 when it is not dead. */
  async replay(id: number, actor: Actor, now: number): Promise<void> {
    await this.database.transaction(async () => {
      if (await this.pushes.revive(id, now)) {
        await this.audit.record({ actor, action: 'push.replayed', object: { kind: 'push', id: String(id) } }, now);
        return;
      }
      throw new TocsinError((await this.pushes.exists(id)) ? 'T4103' : 'T4102', String(id));
    });
    this.duties.wake('push');
  }

  #pushes(alert: Alert, eventId: string, type: PushType): NewPush[] {
    const payload = this.config.MESSAGE_QUEUE_FORMAT === 'compatible' ? compatiblePayload : fullPayload;
    return queuesOf(this.#queues, alert.bk_biz_id).map((queue) => ({ queue, alert, event_id: eventId, type, body: payload(type, alert, eventId) }));
  }
}

/** Throws {@link TocsinError} T5001, which describes the error in the setting without its secrets. */
function readQueues(setting: string | undefined): Queues {
  if (!setting) return new Map();
  try {
    return parseQueues(setting);
  } catch (error) {
    throw new TocsinError('T5001', `MESSAGE_QUEUE_DSN: ${messageOf(error)}`);
  }
}

/** The row may already contain the end of the alert; a push about an earlier change must not. */
function asOf(alert: Alert, change: AlertStatusChange): Alert {
  if (change.what !== 'created' && change.what !== 'severity_changed') return alert;
  return { ...alert, status: 'ABNORMAL', end_time: null, end_reason: null };
}
