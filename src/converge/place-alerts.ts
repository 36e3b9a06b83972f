import type { AlertEvent } from '../topics.js';
import { type ConvergeMember, createMember, type IgnoredByConverge, updateMember } from './converge-member.js';
import { type Group, isOverdue, openGroup, scheduleFlush } from './group.js';
import { groupDimensions, groupKey, scopeKey, stormKey } from './grouping.js';
import type { Phase } from './member-phase.js';
import type { Policy } from './policy.js';
import { addArrival, type Arrivals, arrivalsWithin, placementOf } from './storm.js';

/** Phases that schedule a message when an event leads to them. */
const changesToSend: ReadonlySet<Phase> = new Set(['severity_raised', 'resolved_pending', 'resolved_counted']);

type MovableMember = Pick<ConvergeMember, 'alert_id' | 'converge_id'>;

/** The rows that a batch of alert events concerns; all of them are locked. */
export interface StoredGroups {
  readonly arrivals: ReadonlyMap<string, Arrivals>;
  /** Members that the batch has events for. */
  readonly members: readonly ConvergeMember[];
  /** Their groups, those that new alerts may join, and those of the movable members. */
  readonly groups: readonly Group[];
  /** Pending members of groups, by scope, for scopes in which a storm may begin. */
  readonly movable: ReadonlyMap<string, readonly MovableMember[]>;
}

/** The rows to write after a batch. */
export interface GroupChanges {
  readonly arrivals: ReadonlyMap<string, Arrivals>;
  readonly opened: readonly Group[];
  readonly changed: readonly Group[];
  readonly members: readonly ConvergeMember[];
  /** Stored members without events in the batch that are moved to a storm, by the storm's converge_id. */
  readonly moved: ReadonlyMap<string, readonly string[]>;
  readonly ignored: Readonly<Partial<Record<IgnoredByConverge, number>>>;
  /** A group is due earlier than before. */
  readonly isSooner: boolean;
}

export type PolicyFor = (strategyId: number) => Policy;

/** Places every new alert in a group or storm and applies the events of known members, in order. */
export function placeAlerts(stored: StoredGroups, events: readonly AlertEvent[], policyFor: PolicyFor, now: number): GroupChanges {
  const batch = new PlacementBatch(stored, now);
  for (const event of events) batch.apply(event, policyFor(event.strategy_id));
  return batch.changes();
}

class PlacementBatch {
  readonly #groups = new Map<string, Group>();
  readonly #openByKey = new Map<string, string>();
  readonly #members = new Map<string, ConvergeMember>();
  readonly #arrivals: Map<string, Arrivals>;
  readonly #stored: ReadonlyMap<string, Group>;
  readonly #movable: Map<string, readonly MovableMember[]>;
  readonly #touched = new Set<string>();
  readonly #scopes = new Set<string>();
  /** Alerts that the batch added to groups, by scope, for a storm that begins in the same batch. */
  readonly #added = new Map<string, string[]>();
  readonly #moved = new Map<string, string[]>();
  readonly #ignored: Partial<Record<IgnoredByConverge, number>> = {};

  constructor(
    { arrivals, members, groups, movable }: StoredGroups,
    private readonly now: number,
  ) {
    this.#arrivals = new Map(arrivals);
    this.#movable = new Map(movable);
    this.#stored = new Map(groups.map((group) => [group.converge_id, group]));
    for (const group of groups) this.#putGroup(group);
    for (const member of members) this.#members.set(member.alert_id, member);
  }

  apply(event: AlertEvent, policy: Policy): void {
    const member = this.#members.get(event.alert_id);
    if (member) this.#updateMember(member, event, policy);
    else if (event.status === 'ABNORMAL') this.#addAlert(event, policy);
    else this.#ignore('unknown_end');
  }

  #updateMember(member: ConvergeMember, event: AlertEvent, policy: Policy): void {
    const group = this.#groups.get(member.converge_id);
    const overdue = group !== undefined && isOverdue(group, this.now) && member.created_at < this.now;
    const next = updateMember(member, event, overdue, this.now);
    if (typeof next === 'string') {
      this.#ignore(next);
      return;
    }
    this.#putMember(next);
    if (group && next.phase !== member.phase && changesToSend.has(next.phase)) this.#putGroup(scheduleFlush(group, policy, this.now));
  }

  #addAlert(event: AlertEvent, policy: Policy): void {
    const scope = scopeKey(event);
    const before = this.#arrivals.get(scope) ?? [];
    this.#arrivals.set(scope, addArrival(before, policy.stormWindow, this.now));
    this.#scopes.add(scope);
    const storm = this.#open(stormKey(scope));
    const isAccepting = storm?.is_accepting ?? false;
    const placement = placementOf(isAccepting, arrivalsWithin(before, policy.stormWindow, this.now), policy.stormThreshold);
    if (storm && isAccepting !== (placement === 'storm')) this.#putGroup({ ...storm, is_accepting: placement === 'storm' });
    if (placement === 'storm') this.#joinStorm(scope, event, policy, !isAccepting);
    else this.#joinGroup(scope, event, policy);
  }

  #joinGroup(scope: string, event: AlertEvent, policy: Policy): void {
    const dimensions = groupDimensions(event, policy.groupBy);
    const key = groupKey(scope, dimensions);
    const group = this.#open(key) ?? openGroup({ kind: 'group', group_key: key, scope_key: scope, dimensions }, event, policy, this.now);
    this.#join(group, event, policy);
    append(this.#added, scope, event.alert_id);
  }

  #joinStorm(scope: string, event: AlertEvent, policy: Policy, begins: boolean): void {
    const key = stormKey(scope);
    const storm = this.#open(key) ?? openGroup({ kind: 'storm', group_key: key, scope_key: scope, dimensions: {} }, event, policy, this.now);
    this.#join(storm, event, policy);
    if (begins) this.#moveToStorm(scope, storm.converge_id);
  }

  #join(group: Group, event: AlertEvent, policy: Policy): void {
    this.#putGroup(scheduleFlush({ ...group, joined: group.joined + 1 }, policy, this.now));
    this.#putMember(createMember(event, group.converge_id, this.now));
  }

  /** Moves the pending members of the scope to a storm that begins, except those of an overdue group. */
  #moveToStorm(scope: string, stormId: string): void {
    const movable = (this.#movable.get(scope) ?? []).filter(({ converge_id }) => !isOverdue(this.#groups.get(converge_id)!, this.now));
    const added = (this.#added.get(scope) ?? []).map((id) => this.#members.get(id)!);
    for (const { alert_id, converge_id } of [...movable, ...added]) {
      const member = this.#members.get(alert_id);
      if (member && (member.phase !== 'pending' || member.converge_id === stormId)) continue;
      if (member) this.#putMember({ ...member, converge_id: stormId, moved_from: member.converge_id });
      else append(this.#moved, stormId, alert_id);
      this.#countMembers(converge_id, -1);
      this.#countMembers(stormId, 1);
    }
    this.#movable.delete(scope);
    this.#added.delete(scope);
  }

  #countMembers(convergeId: string, joined: number): void {
    const group = this.#groups.get(convergeId)!;
    this.#putGroup({ ...group, joined: group.joined + joined });
  }

  #open(key: string): Group | undefined {
    const id = this.#openByKey.get(key);
    return id === undefined ? undefined : this.#groups.get(id);
  }

  #putGroup(group: Group): void {
    this.#groups.set(group.converge_id, group);
    if (group.open_key !== null) this.#openByKey.set(group.open_key, group.converge_id);
  }

  #putMember(member: ConvergeMember): void {
    this.#members.set(member.alert_id, member);
    this.#touched.add(member.alert_id);
  }

  #ignore(why: IgnoredByConverge): void {
    this.#ignored[why] = (this.#ignored[why] ?? 0) + 1;
  }

  changes(): GroupChanges {
    const groups = [...this.#groups.values()].filter((group) => group !== this.#stored.get(group.converge_id));
    return {
      arrivals: new Map([...this.#scopes].map((scope) => [scope, this.#arrivals.get(scope)!])),
      opened: groups.filter(({ converge_id }) => !this.#stored.has(converge_id)),
      changed: groups.filter(({ converge_id }) => this.#stored.has(converge_id)),
      members: [...this.#touched].map((id) => this.#members.get(id)!),
      moved: this.#moved,
      ignored: this.#ignored,
      isSooner: groups.some(({ converge_id, next_flush_at }) => next_flush_at !== (this.#stored.get(converge_id)?.next_flush_at ?? null)),
    };
  }
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
