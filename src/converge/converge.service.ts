import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { Duties } from '../runtime/duties.js';
import type { AlertEvent } from '../topics.js';
import { GroupRepository } from './group.repository.js';
import { groupDimensions, groupKey, scopeKey, stormKey } from './grouping.js';
import { MemberRepository } from './member.repository.js';
import type { ConvergeMember, IgnoredByConverge } from './converge-member.js';
import { type GroupChanges, placeAlerts, type PolicyFor, type StoredGroups } from './place-alerts.js';
import { ConvergePolicies } from './policies.service.js';
import { type Arrivals, mayBeginStorm } from './storm.js';

/** Name of the leader-elected task that publishes the messages of due groups. */
export const CONVERGE_DUTY = 'converge';

/** Places alerts in groups. */
@Injectable()
export class ConvergeService {
  /** Alert events that changed nothing, by reason, since the start of this process. */
  readonly ignored: Record<IgnoredByConverge, number> = { already_applied: 0, ended: 0, unknown_end: 0 };

  constructor(
    private readonly database: Database,
    private readonly groups: GroupRepository,
    private readonly members: MemberRepository,
    private readonly policies: ConvergePolicies,
    private readonly duties: Duties,
  ) {}

  /** Applies the alert events of one partition, in order, in the open transaction, with a fixed number of statements for any number of events. */
  async apply(events: readonly AlertEvent[], now: number): Promise<GroupChanges> {
    const policyFor = await this.policies.for(events.map(({ strategy_id }) => strategy_id));
    const changes = placeAlerts(await this.#load(events, policyFor, now), events, policyFor, now);
    await this.#save(changes);
    if (changes.isSooner) this.database.afterCommit(() => this.duties.wake(CONVERGE_DUTY));
    for (const [why, count] of Object.entries(changes.ignored)) this.ignored[why as IgnoredByConverge] += count;
    return changes;
  }

  async #load(events: readonly AlertEvent[], policyFor: PolicyFor, now: number): Promise<StoredGroups> {
    const arrivals = await this.groups.lockScopes(events.map(scopeKey));
    const members = await this.members.find([...new Set(events.map(({ alert_id }) => alert_id))]);
    const added = newAlerts(events, members);
    const movable = await this.members.pending(scopesThatMayStorm(added, arrivals, policyFor, now));
    const groups = await this.groups.find(
      [...members.filter(({ ended_at }) => ended_at === null), ...[...movable.values()].flat()].map(({ converge_id }) => converge_id),
      added.flatMap((event) => keysOf(event, policyFor)),
    );
    return { arrivals, members, groups, movable };
  }

  async #save({ arrivals, opened, changed, members, moved }: GroupChanges): Promise<void> {
    await this.groups.saveArrivals(arrivals);
    await this.groups.save(changed, opened);
    await this.members.save(members);
    for (const [storm, alertIds] of moved) await this.members.move(alertIds, storm);
  }
}

/** The first firing event of each alert that is not a member yet. */
function newAlerts(events: readonly AlertEvent[], members: readonly ConvergeMember[]): AlertEvent[] {
  const known = new Set(members.map(({ alert_id }) => alert_id));
  return events.filter(({ alert_id, status }) => status === 'ABNORMAL' && !known.has(alert_id) && known.add(alert_id));
}

function keysOf(event: AlertEvent, policyFor: PolicyFor): [string, string] {
  const scope = scopeKey(event);
  return [groupKey(scope, groupDimensions(event, policyFor(event.strategy_id).groupBy)), stormKey(scope)];
}

/** Scopes in which this batch may begin a storm; only for these the pending members are loaded. */
function scopesThatMayStorm(added: readonly AlertEvent[], arrivals: ReadonlyMap<string, Arrivals>, policyFor: PolicyFor, now: number): string[] {
  const counts = new Map<string, { count: number; strategyId: number }>();
  for (const event of added) {
    const scope = scopeKey(event);
    counts.set(scope, { count: (counts.get(scope)?.count ?? 0) + 1, strategyId: event.strategy_id });
  }
  return [...counts]
    .filter(([scope, { count, strategyId }]) => mayBeginStorm(arrivals.get(scope) ?? [], count, policyFor(strategyId), now))
    .map(([scope]) => scope);
}
