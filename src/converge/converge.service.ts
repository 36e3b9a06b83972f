import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { Duties } from '../runtime/duties.js';
import type { AlertEvent } from '../topics.js';
import { GroupRepository } from './group.repository.js';
import { groupDimensions, groupKey, scopeKey, stormKey } from './grouping.js';
import { MemberRepository } from './member.repository.js';
import type { Ignored, Membership } from './membership.js';
import { type Changes, place, type PolicyFor, type Stored } from './placement.js';
import { ConvergePolicies } from './policies.service.js';
import { type Births, mayBegin } from './storm.js';

/** Name of the duty that publishes what is due. */
export const CONVERGE_DUTY = 'converge';

/** Gives every alert its group. */
@Injectable()
export class ConvergeService {
  /** Messages that changed nothing, by reason, since the start of this process. */
  readonly ignored: Record<Ignored, number> = { already_applied: 0, ended: 0, unknown_end: 0 };

  constructor(
    private readonly database: Database,
    private readonly groups: GroupRepository,
    private readonly members: MemberRepository,
    private readonly policies: ConvergePolicies,
    private readonly duties: Duties,
  ) {}

  /** Applies messages of one partition, in order, in the transaction that is open; a fixed number of statements for any number of messages. */
  async apply(events: readonly AlertEvent[], now: number): Promise<Changes> {
    const policyFor = await this.policies.for(events.map(({ strategy_id }) => strategy_id));
    const changes = place(await this.#load(events, policyFor, now), events, policyFor, now);
    await this.#save(changes);
    if (changes.isSooner) this.database.afterCommit(() => this.duties.wake(CONVERGE_DUTY));
    for (const [why, count] of Object.entries(changes.ignored)) this.ignored[why as Ignored] += count;
    return changes;
  }

  async #load(events: readonly AlertEvent[], policyFor: PolicyFor, now: number): Promise<Stored> {
    const births = await this.groups.lockScopes(events.map(scopeKey));
    const members = await this.members.find([...new Set(events.map(({ alert_id }) => alert_id))]);
    const newborn = birthsAmong(events, members);
    const movable = await this.members.untold(scopesThatMayStorm(newborn, births, policyFor, now));
    const groups = await this.groups.find(
      [...members.filter(({ ended_at }) => ended_at === null), ...[...movable.values()].flat()].map(({ converge_id }) => converge_id),
      newborn.flatMap((event) => keysOf(event, policyFor)),
    );
    return { births, members, groups, movable };
  }

  async #save({ births, opened, changed, members, moved }: Changes): Promise<void> {
    await this.groups.saveBirths(births);
    await this.groups.save(changed, opened);
    await this.members.save(members);
    for (const [storm, alertIds] of moved) await this.members.move(alertIds, storm);
  }
}

/** The first message about each alert that is not a member yet. */
function birthsAmong(events: readonly AlertEvent[], members: readonly Membership[]): AlertEvent[] {
  const known = new Set(members.map(({ alert_id }) => alert_id));
  return events.filter(({ alert_id, status }) => status === 'ABNORMAL' && !known.has(alert_id) && known.add(alert_id));
}

function keysOf(event: AlertEvent, policyFor: PolicyFor): [string, string] {
  const scope = scopeKey(event);
  return [groupKey(scope, groupDimensions(event, policyFor(event.strategy_id).groupBy)), stormKey(scope)];
}

/** Scopes whose births in this batch are enough for a storm; only then their untold members must be known. */
function scopesThatMayStorm(newborn: readonly AlertEvent[], births: ReadonlyMap<string, Births>, policyFor: PolicyFor, now: number): string[] {
  const counts = new Map<string, { count: number; strategyId: number }>();
  for (const event of newborn) {
    const scope = scopeKey(event);
    counts.set(scope, { count: (counts.get(scope)?.count ?? 0) + 1, strategyId: event.strategy_id });
  }
  return [...counts]
    .filter(([scope, { count, strategyId }]) => mayBegin(births.get(scope) ?? [], count, policyFor(strategyId), now))
    .map(([scope]) => scope);
}
