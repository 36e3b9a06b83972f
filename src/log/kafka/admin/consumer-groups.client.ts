import { setTimeout as delay } from 'node:timers/promises';
import type { GroupDescription } from 'kafkajs';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import { errorName } from '../connection/broker-pool.client.js';
import type { RequestName } from '../protocol/api-keys.js';
import type { Brokers } from '../connection/brokers.client.js';
import { sortedByPartition } from '../protocol/group-by.js';

/** Brokers load the groups that they take over, and make the topic for them at the first question; so long (ms) that may take. */
const COORDINATOR_TIMEOUT_MS = 10_000;
/** The coordinator is loading, does not exist yet, or is elsewhere. */
const RETRIABLE_ERRORS: ReadonlySet<number> = new Set([14, 15, 16]);
/** The group has members, which alone may commit. */
const GROUP_NOT_EMPTY_ERRORS: ReadonlySet<number> = new Set([22, 25, 27]);

interface DescribeGroupsResponse {
  readonly groups: readonly (GroupDescription & { readonly errorCode: number })[];
}

interface OffsetFetchResponse {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly errorCode: number }[];
  }[];
}

type CoordinatorResult<T> = { readonly value: T } | { readonly retriable: TocsinError };

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
    const groupIds = await retryWhileRetriable(() => this.#listedBy(node));
    if (groupIds.length === 0) return [];
    const { groups } = (await this.brokers.request(node, 'DescribeGroups', { groupIds })) as DescribeGroupsResponse;
    return Promise.all(groups.map(async (group) => (group.errorCode === 0 ? group : this.describe(group.groupId))));
  }

  async #listedBy(node: number): Promise<CoordinatorResult<string[]>> {
    const { errorCode, groups } = (await this.brokers.request(node, 'ListGroups', {})) as {
      errorCode: number;
      groups: { groupId: string; protocolType: string }[];
    };
    const consumers = groups.filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '');
    return toResult(
      [errorCode],
      `node ${node}`,
      consumers.map(({ groupId }) => groupId),
    );
  }

  /** A group that nobody knows is in state Dead. */
  async describe(id: string): Promise<GroupDescription> {
    const codes = ({ groups }: DescribeGroupsResponse): number[] => groups.map(({ errorCode }) => errorCode);
    const { groups } = await this.#requestCoordinator<DescribeGroupsResponse>(id, 'DescribeGroups', { groupIds: [id] }, codes);
    return groups[0]!;
  }

  /** What a group has committed, by partition in ascending order; absent when it never did. */
  async committed(groupId: string, topic: string): Promise<Map<number, number>> {
    const partitions = [...(await this.brokers.leaders(topic, { fresh: true })).keys()].map((partition) => ({ partition }));
    const response = await this.#requestCoordinator<OffsetFetchResponse>(
      groupId,
      'OffsetFetch',
      { groupId, topics: [{ topic, partitions }] },
      ({ errorCode, responses }) => [errorCode, ...responses.flatMap((each) => each.partitions.map((partition) => partition.errorCode))],
    );
    const known = response.responses.flatMap((each) => each.partitions).filter(({ offset }) => Number(offset) >= 0);
    return sortedByPartition(known.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Commits for a group without members; the broker refuses it (T7004) for one that has some. */
  async commit(groupId: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    const fields = { groupId, groupGenerationId: -1, memberId: '', topics: [{ topic, partitions }] };
    await this.#requestCoordinator<Pick<OffsetFetchResponse, 'responses'>>(groupId, 'OffsetCommit', fields, ({ responses }) =>
      responses.flatMap((each) => each.partitions.map(({ errorCode }) => errorCode)),
    );
  }

  /** Asks the coordinator of a group. */
  #requestCoordinator<T>(groupId: string, request: RequestName, fields: object, codes: (response: T) => readonly number[]): Promise<T> {
    return retryWhileRetriable(async () => {
      const coordinator = await this.#coordinator(groupId);
      if ('retriable' in coordinator) return coordinator;
      try {
        const value = (await this.brokers.request(coordinator.value, request, fields)) as T;
        return toResult(codes(value), groupId, value);
      } catch (error) {
        // It was named a moment ago: another will follow.
        if (error instanceof TocsinError && error.code === 'T7001') return { retriable: error };
        throw error;
      }
    });
  }

  async #coordinator(groupId: string): Promise<CoordinatorResult<number>> {
    const { errorCode, coordinator } = (await this.brokers.requestAny('GroupCoordinator', { groupId })) as {
      errorCode: number;
      coordinator: { nodeId: number };
    };
    return toResult([errorCode], groupId, coordinator.nodeId);
  }
}

function toResult<T>(codes: readonly number[], about: string, value: T): CoordinatorResult<T> {
  const code = codes.find((each) => each !== 0);
  if (code === undefined) return { value };
  const refused = new TocsinError('T7004', `${about}: ${GROUP_NOT_EMPTY_ERRORS.has(code) ? 'the group has active members: ' : ''}${errorName(code)}`);
  if (RETRIABLE_ERRORS.has(code)) return { retriable: refused };
  throw refused;
}

/** Asks deadline the group has retryWhileRetriable. */
async function retryWhileRetriable<T>(attempt: () => Promise<CoordinatorResult<T>>): Promise<T> {
  const deadline = Date.now() + COORDINATOR_TIMEOUT_MS;
  for (let attempts = 1; ; attempts++) {
    const result = await attempt();
    if ('value' in result) return result.value;
    if (Date.now() > deadline) throw result.retriable;
    await delay(backoff(attempts, Math.random(), 50, 500));
  }
}
