import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { Publisher } from '../log/publisher.service.js';
import { LeaderTask } from '../runtime/leader-task.decorator.js';
import { topics } from '../topics.js';
import { CONVERGE_DUTY } from './converge.service.js';
import { afterNotice, afterSkippedFlush, emptyTally, flushReason, type FlushReason, type Tally } from './flush.js';
import type { Group } from './group.js';
import { GroupRepository } from './group.repository.js';
import { MemberRepository } from './member.repository.js';
import { composeMessage, listMembers } from './message.js';
import type { PolicyFor } from './place-alerts.js';
import { ConvergePolicies } from './policies.service.js';
import { fitFlushBatch } from './flush-batch.js';

/** Groups in one transaction at most. */
const GROUPS_PER_BATCH = 100;
/** A replica that applies a batch does not wake the replica that flushes. */
const LONGEST_SLEEP_MS = 1000;

interface FlushDecision {
  readonly group: Group;
  readonly tally: Tally;
  readonly reason: FlushReason | undefined;
}

/** Publishes the messages of groups that are due. */
@Injectable()
export class FlushService {
  constructor(
    private readonly database: Database,
    private readonly groups: GroupRepository,
    private readonly members: MemberRepository,
    private readonly policies: ConvergePolicies,
    private readonly publisher: Publisher,
  ) {}

  /** Flushes one batch of due groups in one transaction; returns the milliseconds until the next group may be due. */
  @LeaderTask(CONVERGE_DUTY)
  async flush(now: number): Promise<number> {
    const due = await this.groups.due(now, GROUPS_PER_BATCH);
    if (due.length === 0) {
      const next = await this.groups.nextFlushAt();
      return Math.min(LONGEST_SLEEP_MS, Math.max(1, (next ?? Infinity) - now));
    }
    await this.database.transaction(() => this.#flushBatch(due, now));
    return 0;
  }

  async #flushBatch(due: readonly Pick<Group, 'converge_id' | 'scope_key'>[], now: number): Promise<void> {
    await this.groups.lockScopes(due.map(({ scope_key }) => scope_key));
    // Another replica may have flushed them before the lock was acquired.
    const groups = (await this.groups.find(due.map(({ converge_id }) => converge_id))).filter(
      ({ next_flush_at }) => next_flush_at !== null && next_flush_at <= now,
    );
    const tallies = await this.members.tallies(groups.map(({ converge_id }) => converge_id));
    const policyFor = await this.policies.for(groups.map(({ strategy_id }) => strategy_id));
    const decisions = fitFlushBatch(groups, tallies).map((group) => decide(group, tallies.get(group.converge_id) ?? emptyTally, policyFor, now));
    const skipped = decisions.filter(({ reason }) => reason === undefined);
    await this.groups.save(skipped.map(({ group }) => afterSkippedFlush(group, policyFor(group.strategy_id), now)));
    await this.#publish(
      decisions.filter(({ reason }) => reason !== undefined),
      policyFor,
      now,
    );
  }

  async #publish(decisions: readonly FlushDecision[], policyFor: PolicyFor, now: number): Promise<void> {
    const candidates = await this.members.candidates(decisions.map(({ group }) => group.converge_id));
    const notified: Group[] = [];
    const listed: string[] = [];
    for (const { group, tally, reason } of decisions) {
      const policy = policyFor(group.strategy_id);
      const listing = listMembers(group.kind, candidates.get(group.converge_id)!, tally, this.policies.messageBytes);
      const message = composeMessage(group, reason!, listing, tally, policy, now);
      this.publisher.publish(topics.convergedAlerts, message);
      notified.push(afterNotice(group, message, tally, listing.complete, policy, now));
      for (const { alert_id } of listing.listed) listed.push(alert_id);
    }
    await this.groups.save(notified);
    await this.members.markListed(listed);
    await this.members.markCounted(notified.filter(({ kind }) => kind === 'storm').map(({ converge_id }) => converge_id));
  }
}

function decide(group: Group, tally: Tally, policyFor: PolicyFor, now: number): FlushDecision {
  return { group, tally, reason: flushReason(group, tally, policyFor(group.strategy_id), now) };
}
