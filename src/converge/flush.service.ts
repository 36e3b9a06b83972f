import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { Publisher } from '../log/publisher.service.js';
import { LeaderTask } from '../runtime/leader-task.decorator.js';
import { topics } from '../topics.js';
import { CONVERGE_DUTY } from './converge.service.js';
import { afterNotice, afterSilence, emptyTally, flushReason, type Reason, type Tally } from './flush.js';
import type { Group } from './group.js';
import { GroupRepository } from './group.repository.js';
import { MemberRepository } from './member.repository.js';
import { compose, list } from './message.js';
import type { PolicyFor } from './placement.js';
import { ConvergePolicies } from './policies.service.js';
import { firstThatFit } from './round.js';

/** Most groups in one transaction. */
const GROUPS_PER_ROUND = 100;
/** Another replica may have set an earlier deadline; nobody wakes us for it. */
const LONGEST_SLEEP_MS = 1000;

interface Decision {
  readonly group: Group;
  readonly tally: Tally;
  readonly reason: Reason | undefined;
}

/** Publishes what the groups have to tell when their time has come. */
@Injectable()
export class FlushService {
  constructor(
    private readonly database: Database,
    private readonly groups: GroupRepository,
    private readonly members: MemberRepository,
    private readonly policies: ConvergePolicies,
    private readonly publisher: Publisher,
  ) {}

  /** One round: tells the groups that are due, in one transaction; answers the milliseconds until there may be more to do. */
  @LeaderTask(CONVERGE_DUTY)
  async flush(now: number): Promise<number> {
    const due = await this.groups.due(now, GROUPS_PER_ROUND);
    if (due.length === 0) {
      const next = await this.groups.nextFlushAt();
      return Math.min(LONGEST_SLEEP_MS, Math.max(1, (next ?? Infinity) - now));
    }
    await this.database.transaction(() => this.#round(due, now));
    return 0;
  }

  async #round(due: readonly Pick<Group, 'converge_id' | 'scope_key'>[], now: number): Promise<void> {
    await this.groups.lockScopes(due.map(({ scope_key }) => scope_key));
    // Before the lock was ours another replica may have told them.
    const groups = (await this.groups.find(due.map(({ converge_id }) => converge_id))).filter(
      ({ next_flush_at }) => next_flush_at !== null && next_flush_at <= now,
    );
    const tallies = await this.members.tallies(groups.map(({ converge_id }) => converge_id));
    const policyFor = await this.policies.for(groups.map(({ strategy_id }) => strategy_id));
    const decisions = firstThatFit(groups, tallies).map((group) => decide(group, tallies.get(group.converge_id) ?? emptyTally, policyFor, now));
    const silent = decisions.filter(({ reason }) => reason === undefined);
    await this.groups.save(silent.map(({ group }) => afterSilence(group, policyFor(group.strategy_id), now)));
    await this.#tell(
      decisions.filter(({ reason }) => reason !== undefined),
      policyFor,
      now,
    );
  }

  async #tell(decisions: readonly Decision[], policyFor: PolicyFor, now: number): Promise<void> {
    const candidates = await this.members.candidates(decisions.map(({ group }) => group.converge_id));
    const told: Group[] = [];
    const named: string[] = [];
    for (const { group, tally, reason } of decisions) {
      const policy = policyFor(group.strategy_id);
      const listing = list(group.kind, candidates.get(group.converge_id)!, tally, this.policies.messageBytes);
      const message = compose(group, reason!, listing, tally, policy, now);
      this.publisher.publish(topics.convergedAlerts, message);
      told.push(afterNotice(group, message, tally, listing.complete, policy, now));
      for (const { alert_id } of listing.listed) named.push(alert_id);
    }
    await this.groups.save(told);
    await this.members.named(named);
    await this.members.counted(told.filter(({ kind }) => kind === 'storm').map(({ converge_id }) => converge_id));
  }
}

function decide(group: Group, tally: Tally, policyFor: PolicyFor, now: number): Decision {
  return { group, tally, reason: flushReason(group, tally, policyFor(group.strategy_id), now) };
}
