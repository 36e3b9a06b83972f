import { Injectable } from '@nestjs/common';
import { AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import { Duties } from '../runtime/duties.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import type { ConvergedAlert } from '../topics.js';
import { dispatch } from './dispatch.js';
import { memberEntries } from './notice.js';
import { type NewNotice, NoticeRepository } from './notice.repository.js';
import { ReceiverReader } from './receiver.reader.js';
import { TimelineRepository } from '../database/timeline.repository.js';

/** Selects the receivers of messages, and stores the notices. */
@Injectable()
export class NoticeService {
  constructor(
    private readonly database: Database,
    private readonly notices: NoticeRepository,
    private readonly receivers: ReceiverReader,
    private readonly timelines: TimelineRepository,
    private readonly duties: Duties,
    private readonly audit: AuditService,
  ) {}

  /** Stores notices for the messages of one partition, in order, in the open transaction. A redelivered message adds none. */
  async receive(groups: readonly ConvergedAlert[], now: number): Promise<void> {
    if (groups.length === 0) return;
    const notices = await this.#decide(groups);
    await this.notices.add(notices, now);
    await this.timelines.append(
      notices.flatMap(({ group, receiver, notSent }) => (notSent ? memberEntries(group, 'not_sent', notSent, { receiver }, now) : [])),
    );
    this.database.afterCommit(() => this.duties.wake('notice'));
  }

  async #decide(groups: readonly ConvergedAlert[]): Promise<NewNotice[]> {
    const receivers = await this.receivers.all();
    const known = await this.notices.known([...new Set(groups.map(({ converge_id }) => converge_id))]);
    const seen = groups.filter(({ converge_id, sequence }) => known.latest(converge_id) >= sequence);
    const applied = seen.length > 0 ? await this.notices.applied(seen) : () => false;
    const here = new Set<string>();
    const notices: NewNotice[] = [];
    for (const group of groups) {
      const id = `${group.converge_id} ${group.sequence}`;
      if (here.has(id) || applied(group)) continue;
      here.add(id);
      const decisions = dispatch(group, receivers, (name) => known.history(group.converge_id, name));
      for (const notice of decisions.map((decision) => ({ group, ...decision }))) {
        known.remember(notice);
        notices.push(notice);
      }
    }
    return notices;
  }

  /** Sends a dead notice again at once, under the same key. Throws T4005 when there is no such notice, T4006 when it is not dead. */
  async replay(id: number, actor: Actor, now: number): Promise<void> {
    await this.database.transaction(async () => {
      if (await this.notices.revive(id, now)) {
        await this.audit.record({ actor, action: 'notice.replayed', object: { kind: 'notice', id: String(id) } }, now);
        return;
      }
      throw new TocsinError((await this.notices.exists(id)) ? 'T4006' : 'T4005', String(id));
    });
    this.duties.wake('notice');
  }
}
