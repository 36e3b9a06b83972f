import type { TopicPartition } from '../../event-log.js';

/** A member of a consumer group, as the leader sees it when partitions are dealt out. */
export interface AssignableMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** What it had in `generation`, as it says. */
  readonly owned: readonly TopicPartition[];
  readonly generation: number;
}

/** What each member gets, by its id. */
export type GroupAssignment = ReadonlyMap<string, readonly TopicPartition[]>;

/** Deals out the partitions of all topics. Pure, and the same for every order of members and topics. */
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

/** One after the other, over all topics. */
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

/** A run of neighbours of each topic, so that equal partitions of different topics meet in one member. */
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
 * Leaves partitions where they are, as far as nobody has two more than somebody who could take one. Where two claim a partition the
 * younger generation has it: the other one is a zombie that speaks of the past.
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

/** Whose each claimed partition is. */
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

/** Moves one partition from the fullest member to the emptiest that has at least two less, also of the topics that both read. False when there is none. */
function movePartition(members: readonly AssignableMember[], assignment: Map<string, TopicPartition[]>): boolean {
  const load = ({ id }: AssignableMember): number => assignment.get(id)!.length;
  const shared = ({ id }: AssignableMember, other: AssignableMember): number =>
    assignment.get(id)!.filter(({ topic }) => subscribes(other, topic)).length;
  const full = [...members].sort((a, b) => load(b) - load(a));
  for (const from of full) {
    for (const to of [...full].reverse()) {
      if (load(from) - load(to) < 2) break;
      // Who does not know a topic yet will soon: what both read is shared well enough until then.
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
