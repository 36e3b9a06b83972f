import { Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import { Publisher } from '../log/publisher.service.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import { type AlertEvent, topics } from '../topics.js';
import type { Alert } from './alert.js';
import { AlertRepository } from './alert.repository.js';
import {
  acknowledge,
  type AcknowledgeCommand,
  addComment,
  close,
  type CloseCommand,
  closingEvent,
  type CommentCommand,
  type CommandResult,
  unacknowledge,
} from './commands.js';
import { type AlertChanges, applyEvents } from './apply-events.js';
import { TimelineRepository } from '../database/timeline.repository.js';

/** The action of an actor on an alert. */
interface Change {
  readonly actor: Actor;
  readonly action: `alert.${string}`;
  readonly why?: string | undefined;
}

/** Applies alert events and operators' commands to alerts. */
@Injectable()
export class AlertService {
  readonly #logger = new Logger('alert');

  constructor(
    private readonly database: Database,
    private readonly alerts: AlertRepository,
    private readonly timelines: TimelineRepository,
    private readonly publisher: Publisher,
    private readonly audit: AuditService,
  ) {}

  /** Applies the alert events of one partition, in order, in the open transaction, with a fixed number of statements for any number of events. */
  async apply(events: readonly AlertEvent[], now: number): Promise<AlertChanges> {
    const changes = applyEvents(await this.alerts.lockAll(events), events, now);
    await this.alerts.save(changes.changed, changes.created);
    await this.timelines.append(changes.timeline);
    for (const change of changes.changes) this.publisher.publish(topics.alertStatus, change);
    if (changes.gaps > 0) this.#logger.warn(`messages of ${changes.gaps} alerts are missing; see the timelines of these alerts`);
    return changes;
  }

  /** Throws T3001 when there is no such alert, T3002 when it has ended; so do the other commands. */
  async acknowledge(id: string, command: AcknowledgeCommand, actor: Actor, now: number): Promise<Alert> {
    return this.#change(id, { actor, action: 'alert.acknowledged', why: command.comment }, now, (alert) => acknowledge(alert, command, actor, now));
  }

  async unacknowledge(id: string, command: AcknowledgeCommand, actor: Actor, now: number): Promise<Alert> {
    return this.#change(id, { actor, action: 'alert.unacknowledged', why: command.comment }, now, (alert) =>
      unacknowledge(alert, command, actor, now),
    );
  }

  async close(id: string, command: CloseCommand, actor: Actor, now: number): Promise<Alert> {
    return this.database.transaction(async () => {
      const closed = await this.#change(id, { actor, action: 'alert.closed', why: command.reason }, now, (alert) =>
        close(alert, command, actor, now),
      );
      this.publisher.publish(topics.alerts, closingEvent(closed));
      return closed;
    });
  }

  /** Adds a comment, also to an alert that has ended. */
  async comment(id: string, command: CommentCommand, actor: Actor, now: number): Promise<Alert> {
    return this.#change(id, { actor, action: 'alert.commented', why: command.text }, now, (alert) => addComment(alert, command, actor, now));
  }

  #change(id: string, { actor, action, why }: Change, now: number, decide: (alert: Alert) => CommandResult): Promise<Alert> {
    return this.database.transaction(async () => {
      const alert = await this.alerts.lock(id);
      if (!alert) throw new TocsinError('T3001', id);
      const verdict = decide(alert);
      if ('ignored' in verdict) {
        if (verdict.ignored === 'ended')
          throw new TocsinError('T3002', `${id} has been ${alert.status} since ${new Date(alert.end_time ?? 0).toISOString()}`);
        return alert;
      }
      await this.alerts.save([verdict.alert]);
      await this.timelines.append(verdict.timeline);
      for (const change of verdict.changes) this.publisher.publish(topics.alertStatus, change);
      await this.audit.record({ actor, action, object: { kind: 'alert', id }, ...(why !== undefined && { why }) }, now);
      return verdict.alert;
    });
  }
}
