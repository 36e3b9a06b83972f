import type { TopicPartition } from '../../event-log.js';

/** A member of a consumer group, as the group leader sees it during assignment. */
export interface AssignableMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** The partitions that it claims from `generation`. */
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
}

/** Assigned partitions by member id. */
export type GroupAssignment = ReadonlyMap<string, readonly TopicPartition[]>;

/** Assigns the partitions of all topics. Pure, and independent of the order of members and topics. */
export type AssignmentStrategy = (members: readonly AssignableMember[], partitions: ReadonlyMap<string, readonly number[]>) => GroupAssignment;

const key = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
const order = (a: TopicPartition, b: TopicPartition): number => compare(a.topic, b.topic) || a.partition - b.partition;
const byId = (members: readonly AssignableMember[]): AssignableMember[] => [...members].sort((a, b) => compare(a.id, b.id));
const subscribes = ({ topics }: AssignableMember, topic: string): boolean => topics.includes(topic);

function inOrder(partitions: ReadonlyMap<string, readonly number[]>): TopicPartition[] {
  return [...partitions].flatMap(([topic, numbers]) => numbers.map((partition) => ({ topic, partition }))).sort(order);
}

const empty = (members: readonly AssignableMember[]): Map<string, TopicPartition[]> => new Map(byId(members).map(({ id }) => [id, []]));

/** Round robin over the partitions of all topics. */
export const roundRobin: AssignmentStrategy = (members, partitions) => {
  const assignment = empty(members);
  const sorted = byId(members);
  let turn = 0;
  for (const at of inOrder(partitions)) {
    const receiver = sorted.map((_, index) => sorted[(turn + index) % sorted.length]!).find((member) => subscribes(member, at.topic));
    if (!receiver) continue;
    assignment.get(receiver.id)!.push(at);
    turn = (sorted.indexOf(receiver) + 1) % sorted.length;
  }
  return assignment;
};

/** Consecutive partitions of each topic, so that equal partition numbers of different topics go to the same member. */
export const range: AssignmentStrategy = (members, partitions) => {
  const assignment = empty(members);
  for (const [topic, numbers] of partitions) {
    const subscribers = byId(members).filter((member) => subscribes(member, topic));
    const sorted = [...numbers].sort((a, b) => a - b);
    let start = 0;
    subscribers.forEach(({ id }, index) => {
      const size = Math.floor(sorted.length / subscribers.length) + (index < sorted.length % subscribers.length ? 1 : 0);
      for (const partition of sorted.slice(start, start + size)) assignment.get(id)!.push({ topic, partition });
      start += size;
    });
  }
  return assignment;
};

/**
 * Keeps partitions with their owners as far as the loads differ by at most one. When two members claim a partition, the younger generation
 * wins: the other is a zombie.
 */
export const sticky: AssignmentStrategy = (members, partitions) => {
  const assignment = empty(members);
  const all = inOrder(partitions);
  const owners = claimedOwners(members);
  const unassigned = all.filter((at) => {
    const owner = owners.get(key(at));
    if (!owner || !subscribes(owner, at.topic)) return true;
    assignment.get(owner.id)!.push(at);
    return false;
  });
  for (const at of unassigned) {
    const [receiver] = byId(members)
      .filter((member) => subscribes(member, at.topic))
      .sort((a, b) => assignment.get(a.id)!.length - assignment.get(b.id)!.length);
    if (receiver) assignment.get(receiver.id)!.push(at);
  }
  while (movePartition(byId(members), assignment));
  return assignment;
};

/** Owner of each claimed partition. */
function claimedOwners(members: readonly AssignableMember[]): Map<string, AssignableMember> {
  const owners = new Map<string, AssignableMember>();
  for (const member of byId(members)) {
    for (const at of member.owned) {
      const other = owners.get(key(at));
      if (!other || other.generation < member.generation) owners.set(key(at), member);
    }
  }
  return owners;
}

/** Moves one partition from the most to the least loaded member that can take it and has at least two fewer. False when none can move. */
function movePartition(members: readonly AssignableMember[], assignment: Map<string, TopicPartition[]>): boolean {
  const load = ({ id }: AssignableMember): number => assignment.get(id)!.length;
  const shared = ({ id }: AssignableMember, other: AssignableMember): number =>
    assignment.get(id)!.filter(({ topic }) => subscribes(other, topic)).length;
  const full = [...members].sort((a, b) => load(b) - load(a));
  for (const from of full) {
    for (const to of [...full].reverse()) {
      if (load(from) - load(to) < 2) break;
      // A member with outdated topics will rejoin soon: balance only the topics that both subscribe to.
      if (shared(from, to) - shared(to, from) < 2) continue;
      const own = assignment.get(from.id)!;
      const at = own.findLast(({ topic }) => subscribes(to, topic));
      if (!at) continue;
      own.splice(own.indexOf(at), 1);
      assignment.get(to.id)!.push(at);
      return true;
    }
  }
  return false;
}
