import { setTimeout as delay } from 'node:timers/promises';
import type { GroupDescription } from 'kafkajs';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import { type RequestName, words } from '../connection/broker-pool.client.js';
import type { Brokers } from '../connection/brokers.client.js';
import { byPartition } from '../protocol/grouped.js';

/** Brokers load the groups that they take over, and make the topic for them at the first question; so long (ms) that may take. */
const SETTLED_MS = 10_000;
/** The coordinator is loading, does not exist yet, or is elsewhere. */
const SETTLING: ReadonlySet<number> = new Set([14, 15, 16]);
/** The group has members, which alone may commit. */
const HAS_MEMBERS: ReadonlySet<number> = new Set([22, 25, 27]);

interface Described {
  readonly groups: readonly (GroupDescription & { readonly errorCode: number })[];
}

interface Committed {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly errorCode: number }[];
  }[];
}

type Answer<T> = { readonly value: T } | { readonly settling: TocsinError };

/** The consumer groups of a cluster, by their ids there. What is thrown is a {@link TocsinError} T7001-T7005. */
export class ConsumerGroups {
  constructor(private readonly brokers: Brokers) {}

  /** Every consumer group that the brokers know. */
  async all(): Promise<GroupDescription[]> {
    const found = (await Promise.all((await this.brokers.nodes()).map((node) => this.#coordinatedBy(node)))).flat();
    // One that moves meanwhile is known to two of them.
    return [...new Map(found.map((group) => [group.groupId, group])).values()];
  }

  async #coordinatedBy(node: number): Promise<GroupDescription[]> {
    const groupIds = await settled(() => this.#listedBy(node));
    if (groupIds.length === 0) return [];
    const { groups } = (await this.brokers.ask(node, 'DescribeGroups', { groupIds })) as Described;
    return Promise.all(groups.map(async (group) => (group.errorCode === 0 ? group : this.describe(group.groupId))));
  }

  async #listedBy(node: number): Promise<Answer<string[]>> {
    const { errorCode, groups } = (await this.brokers.ask(node, 'ListGroups', {})) as {
      errorCode: number;
      groups: { groupId: string; protocolType: string }[];
    };
    const consumers = groups.filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '');
    return answer(
      [errorCode],
      `node ${node}`,
      consumers.map(({ groupId }) => groupId),
    );
  }

  /** A group that nobody knows is in state Dead. */
  async describe(id: string): Promise<GroupDescription> {
    const codes = ({ groups }: Described): number[] => groups.map(({ errorCode }) => errorCode);
    const { groups } = await this.#ask<Described>(id, 'DescribeGroups', { groupIds: [id] }, codes);
    return groups[0]!;
  }

  /** What a group has committed, by partition in ascending order; absent when it never did. */
  async committed(groupId: string, topic: string): Promise<Map<number, number>> {
    const partitions = [...(await this.brokers.leaders(topic, { fresh: true })).keys()].map((partition) => ({ partition }));
    const told = await this.#ask<Committed>(groupId, 'OffsetFetch', { groupId, topics: [{ topic, partitions }] }, ({ errorCode, responses }) => [
      errorCode,
      ...responses.flatMap((each) => each.partitions.map((partition) => partition.errorCode)),
    ]);
    const known = told.responses.flatMap((each) => each.partitions).filter(({ offset }) => Number(offset) >= 0);
    return byPartition(known.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Commits for a group without members; the broker refuses it (T7004) for one that has some. */
  async commit(groupId: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    const fields = { groupId, groupGenerationId: -1, memberId: '', topics: [{ topic, partitions }] };
    await this.#ask<Pick<Committed, 'responses'>>(groupId, 'OffsetCommit', fields, ({ responses }) =>
      responses.flatMap((each) => each.partitions.map(({ errorCode }) => errorCode)),
    );
  }

  /** Asks the coordinator of a group. */
  #ask<T>(groupId: string, request: RequestName, fields: object, codes: (answer: T) => readonly number[]): Promise<T> {
    return settled(async () => {
      const coordinator = await this.#coordinator(groupId);
      if ('settling' in coordinator) return coordinator;
      try {
        const value = (await this.brokers.ask(coordinator.value, request, fields)) as T;
        return answer(codes(value), groupId, value);
      } catch (error) {
        // It was named a moment ago: another will follow.
        if (error instanceof TocsinError && error.code === 'T7001') return { settling: error };
        throw error;
      }
    });
  }

  async #coordinator(groupId: string): Promise<Answer<number>> {
    const { errorCode, coordinator } = (await this.brokers.askAny('GroupCoordinator', { groupId })) as {
      errorCode: number;
      coordinator: { nodeId: number };
    };
    return answer([errorCode], groupId, coordinator.nodeId);
  }
}

function answer<T>(codes: readonly number[], about: string, value: T): Answer<T> {
  const code = codes.find((each) => each !== 0);
  if (code === undefined) return { value };
  const refused = new TocsinError('T7004', `${about}: ${HAS_MEMBERS.has(code) ? 'the group has active members: ' : ''}${words(code)}`);
  if (SETTLING.has(code)) return { settling: refused };
  throw refused;
}

/** Asks until the group has settled. */
async function settled<T>(ask: () => Promise<Answer<T>>): Promise<T> {
  const until = Date.now() + SETTLED_MS;
  for (let tries = 1; ; tries++) {
    const told = await ask();
    if ('value' in told) return told.value;
    if (Date.now() > until) throw told.settling;
    await delay(backoff(tries, Math.random(), 50, 500));
  }
}
