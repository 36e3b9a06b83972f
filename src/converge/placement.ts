import type { AlertEvent } from '../topics.js';
import { changed, type Group, isOverdue, openGroup } from './group.js';
import { groupDimensions, groupKey, scopeKey, stormKey } from './grouping.js';
import { advance, born, type Ignored, type Membership } from './membership.js';
import type { Policy } from './policy.js';
import { addBirth, birthPlace, type Births, birthsWithin } from './storm.js';

/** What the database has about the alerts of a batch; all of it is locked. */
export interface Stored {
  readonly births: ReadonlyMap<string, Births>;
  /** The members that the batch speaks of. */
  readonly members: readonly Membership[];
  /** Their groups, those that births may join, and those of the movable. */
  readonly groups: readonly Group[];
  /** Untold members of groups, by scope, where a storm may begin. */
  readonly movable: ReadonlyMap<string, readonly Pick<Membership, 'alert_id' | 'converge_id'>[]>;
}

/** What a batch makes of it. */
export interface Changes {
  readonly births: ReadonlyMap<string, Births>;
  readonly opened: readonly Group[];
  readonly changed: readonly Group[];
  readonly members: readonly Membership[];
  /** Stored members that a storm takes and that the batch does not speak of, by the storm's converge_id. */
  readonly moved: ReadonlyMap<string, readonly string[]>;
  readonly ignored: Readonly<Partial<Record<Ignored, number>>>;
  /** A group wants to be told earlier than it did before. */
  readonly isSooner: boolean;
}

export type PolicyFor = (strategyId: number) => Policy;

/** Gives every new alert its place and applies what happened to the known ones, in order. */
export function place(stored: Stored, events: readonly AlertEvent[], policyFor: PolicyFor, now: number): Changes {
  const board = new Board(stored, now);
  for (const event of events) board.take(event, policyFor(event.strategy_id));
  return board.changes();
}

class Board {
  readonly #groups = new Map<string, Group>();
  readonly #openByKey = new Map<string, string>();
  readonly #members = new Map<string, Membership>();
  readonly #births: Map<string, Births>;
  readonly #stored: ReadonlyMap<string, Group>;
  readonly #movable: Map<string, readonly Pick<Membership, 'alert_id' | 'converge_id'>[]>;
  readonly #touched = new Set<string>();
  readonly #scopes = new Set<string>();
  /** Alerts that the batch gave birth to, by scope, for a storm that begins in the same batch. */
  readonly #newborn = new Map<string, string[]>();
  readonly #moved = new Map<string, string[]>();
  readonly #ignored: Partial<Record<Ignored, number>> = {};

  constructor(
    { births, members, groups, movable }: Stored,
    private readonly now: number,
  ) {
    this.#births = new Map(births);
    this.#movable = new Map(movable);
    this.#stored = new Map(groups.map((group) => [group.converge_id, group]));
    for (const group of groups) this.#keep(group);
    for (const member of members) this.#members.set(member.alert_id, member);
  }

  take(event: AlertEvent, policy: Policy): void {
    const member = this.#members.get(event.alert_id);
    if (member) this.#advance(member, event, policy);
    else if (event.status === 'ABNORMAL') this.#bear(event, policy);
    else this.#ignore('unknown_end');
  }

  #advance(member: Membership, event: AlertEvent, policy: Policy): void {
    const group = this.#groups.get(member.converge_id);
    const overdue = group !== undefined && isOverdue(group, this.now) && member.born_at < this.now;
    const next = advance(member, event, overdue, this.now);
    if (typeof next === 'string') {
      this.#ignore(next);
      return;
    }
    this.#hold(next);
    const news = next.phase !== member.phase && (next.phase === 'raised' || next.phase === 'resolved' || next.phase === 'gone');
    if (group && news) this.#keep(changed(group, policy, this.now));
  }

  #bear(event: AlertEvent, policy: Policy): void {
    const scope = scopeKey(event);
    const before = this.#births.get(scope) ?? [];
    this.#births.set(scope, addBirth(before, policy.stormWindow, this.now));
    this.#scopes.add(scope);
    const storm = this.#open(stormKey(scope));
    const isTaking = storm?.is_taking ?? false;
    const goesTo = birthPlace(isTaking, birthsWithin(before, policy.stormWindow, this.now), policy.stormThreshold);
    if (storm && isTaking !== (goesTo === 'storm')) this.#keep({ ...storm, is_taking: goesTo === 'storm' });
    if (goesTo === 'storm') this.#joinStorm(scope, event, policy, !isTaking);
    else this.#joinGroup(scope, event, policy);
  }

  #joinGroup(scope: string, event: AlertEvent, policy: Policy): void {
    const dimensions = groupDimensions(event, policy.groupBy);
    const key = groupKey(scope, dimensions);
    const group = this.#open(key) ?? openGroup({ kind: 'group', group_key: key, scope_key: scope, dimensions }, event, policy, this.now);
    this.#join(group, event, policy);
    append(this.#newborn, scope, event.alert_id);
  }

  #joinStorm(scope: string, event: AlertEvent, policy: Policy, begins: boolean): void {
    const key = stormKey(scope);
    const storm = this.#open(key) ?? openGroup({ kind: 'storm', group_key: key, scope_key: scope, dimensions: {} }, event, policy, this.now);
    this.#join(storm, event, policy);
    if (begins) this.#gather(scope, storm.converge_id);
  }

  #join(group: Group, event: AlertEvent, policy: Policy): void {
    this.#keep(changed({ ...group, joined: group.joined + 1 }, policy, this.now));
    this.#hold(born(event, group.converge_id, this.now));
  }

  /** A storm that begins takes every alert of its scope that fires and was not told yet, unless its group should have told it before. */
  #gather(scope: string, stormId: string): void {
    const movable = (this.#movable.get(scope) ?? []).filter(({ converge_id }) => !isOverdue(this.#groups.get(converge_id)!, this.now));
    const newborn = (this.#newborn.get(scope) ?? []).map((id) => this.#members.get(id)!);
    for (const { alert_id, converge_id } of [...movable, ...newborn]) {
      const member = this.#members.get(alert_id);
      if (member && (member.phase !== 'untold' || member.converge_id === stormId)) continue;
      if (member) this.#hold({ ...member, converge_id: stormId, moved_from: member.converge_id });
      else append(this.#moved, stormId, alert_id);
      this.#count(converge_id, -1);
      this.#count(stormId, 1);
    }
    this.#movable.delete(scope);
    this.#newborn.delete(scope);
  }

  #count(convergeId: string, joined: number): void {
    const group = this.#groups.get(convergeId)!;
    this.#keep({ ...group, joined: group.joined + joined });
  }

  #open(key: string): Group | undefined {
    const id = this.#openByKey.get(key);
    return id === undefined ? undefined : this.#groups.get(id);
  }

  #keep(group: Group): void {
    this.#groups.set(group.converge_id, group);
    if (group.open_key !== null) this.#openByKey.set(group.open_key, group.converge_id);
  }

  #hold(member: Membership): void {
    this.#members.set(member.alert_id, member);
    this.#touched.add(member.alert_id);
  }

  #ignore(why: Ignored): void {
    this.#ignored[why] = (this.#ignored[why] ?? 0) + 1;
  }

  changes(): Changes {
    const groups = [...this.#groups.values()].filter((group) => group !== this.#stored.get(group.converge_id));
    return {
      births: new Map([...this.#scopes].map((scope) => [scope, this.#births.get(scope)!])),
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
