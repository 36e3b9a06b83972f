import { setTimeout as delay } from 'node:timers/promises';
import type { GroupDescription } from 'kafkajs';
import { TocsinError } from '../../../shared/errors.js';
import { backoff } from '../../../shared/retry.js';
import { errorName } from '../connection/broker-pool.client.js';
import type { RequestName } from '../protocol/api-keys.js';
import type { Brokers } from '../connection/brokers.client.js';
import { sortedByPartition } from '../protocol/group-by.js';

/** Time limit of retries: a new coordinator loads its groups, and the first request creates __consumer_offsets (ms). */
const COORDINATOR_TIMEOUT_MS = 10_000;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR. */
const RETRIABLE_ERRORS: ReadonlySet<number> = new Set([14, 15, 16]);
/** The group has members, so an external commit is rejected. */
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

/** Consumer groups of a cluster, by their physical ids. Throws {@link TocsinError} T7001-T7005. */
export class KafkaConsumerGroups {
  constructor(private readonly brokers: Brokers) {}

  /** All consumer groups of the cluster. */
  async all(): Promise<GroupDescription[]> {
    const found = (await Promise.all((await this.brokers.nodes()).map((node) => this.#coordinatedBy(node)))).flat();
    // A group may appear twice while its coordinator changes.
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

  /** An unknown group has the state Dead. */
  async describe(id: string): Promise<GroupDescription> {
    const codes = ({ groups }: DescribeGroupsResponse): number[] => groups.map(({ errorCode }) => errorCode);
    const { groups } = await this.#requestCoordinator<DescribeGroupsResponse>(id, 'DescribeGroups', { groupIds: [id] }, codes);
    return groups[0]!;
  }

  /** Committed offsets of a group by partition, in ascending order; absent without a commit. */
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

  /** Commits for a group without members. Throws T7004 when the group has members. */
  async commit(groupId: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    const fields = { groupId, groupGenerationId: -1, memberId: '', topics: [{ topic, partitions }] };
    await this.#requestCoordinator<Pick<OffsetFetchResponse, 'responses'>>(groupId, 'OffsetCommit', fields, ({ responses }) =>
      responses.flatMap((each) => each.partitions.map(({ errorCode }) => errorCode)),
    );
  }

  /** Sends a request to the coordinator of the group. */
  #requestCoordinator<T>(groupId: string, request: RequestName, fields: object, codes: (response: T) => readonly number[]): Promise<T> {
    return retryWhileRetriable(async () => {
      const coordinator = await this.#coordinator(groupId);
      if ('retriable' in coordinator) return coordinator;
      try {
        const value = (await this.brokers.request(coordinator.value, request, fields)) as T;
        return toResult(codes(value), groupId, value);
      } catch (error) {
        // The coordinator has just failed: a new one will be elected.
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
  const rejected = new TocsinError(
    'T7004',
    `${about}: ${GROUP_NOT_EMPTY_ERRORS.has(code) ? 'the group has active members: ' : ''}${errorName(code)}`,
  );
  if (RETRIABLE_ERRORS.has(code)) return { retriable: rejected };
  throw rejected;
}

/** Retries until the coordinator is stable. */
async function retryWhileRetriable<T>(attempt: () => Promise<CoordinatorResult<T>>): Promise<T> {
  const deadline = Date.now() + COORDINATOR_TIMEOUT_MS;
  for (let attempts = 1; ; attempts++) {
    const result = await attempt();
    if ('value' in result) return result.value;
    if (Date.now() > deadline) throw result.retriable;
    await delay(backoff(attempts, Math.random(), 50, 500));
  }
}
