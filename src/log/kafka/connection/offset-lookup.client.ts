import { setTimeout as delay } from 'node:timers/promises';
import { TocsinError } from '../../../shared/errors.js';
import type { Brokers, PartitionLeaders } from './brokers.client.js';
import { errorName } from './broker-pool.client.js';
import { sortedByPartition, groupBy } from '../protocol/group-by.js';

/** A newly elected leader rejects requests for a moment, while metadata already names it. */
const MAX_ATTEMPTS = 5;
/** Time limit of a lookup over all its retries (ms). */
const LOOKUP_TIMEOUT_MS = 10_000;

export const EARLIEST = -2;
export const LATEST = -1;

export interface OffsetRange {
  /** Log start offset: the oldest available record. */
  readonly low: number;
  /** High watermark: the offset of the next record. */
  readonly high: number;
}

interface ListOffsetsQuery {
  /** Epoch ms, {@link EARLIEST} or {@link LATEST}. */
  readonly timestamp: number;
  /** Restricts the lookup to one partition. */
  readonly partition?: number | undefined;
  readonly committed?: boolean;
}

interface LedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
}

interface ListOffsetsResponse {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** By topic and partition. */
type OffsetsByTopic = Map<string, Map<number, number>>;

/** ListOffsets requests to the partition leaders, retried during leader elections. */
export class OffsetLookup {
  constructor(private readonly brokers: Brokers) {}

  /**
   * By partition in ascending order, the offset of the first record at or after `timestamp` (epoch ms, {@link EARLIEST} or {@link LATEST});
   * −1 when there is none. `committed`: LATEST is the last stable offset, which is as far as a fetch can read. Throws T7001-T7005 unless every
   * partition responds.
   */
  async listOffsets(topic: string, timestamp: number, query: Omit<ListOffsetsQuery, 'timestamp'> = {}): Promise<ReadonlyMap<number, number>> {
    const { found, problem } = await this.#lookUp([topic], { ...query, timestamp });
    if (problem) throw problem;
    return found.get(topic) ?? new Map();
  }

  /** Offset ranges of all partitions of these topics, in ascending order; partitions without a response are absent. */
  async ranges(topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, OffsetRange>>> {
    const [low, high] = await Promise.all([EARLIEST, LATEST].map(async (timestamp) => (await this.#lookUp(topics, { timestamp })).found));
    const both = (topic: string): [number, OffsetRange][] =>
      [...(low!.get(topic) ?? [])].flatMap(([partition, first]) => {
        const end = high!.get(topic)?.get(partition);
        return end === undefined ? [] : [[partition, { low: first, high: end }]];
      });
    return new Map(topics.map((topic) => [topic, new Map(both(topic))]));
  }

  async #lookUp(
    topics: readonly string[],
    query: ListOffsetsQuery,
  ): Promise<{ readonly found: OffsetsByTopic; readonly problem: TocsinError | undefined }> {
    const found: OffsetsByTopic = new Map();
    const deadline = Date.now() + LOOKUP_TIMEOUT_MS;
    for (let attempt = 1; ; attempt++) {
      const problem = await this.#attempt(topics, query, attempt, found);
      if (!problem || attempt === MAX_ATTEMPTS || Date.now() > deadline) return { found: ascending(found), problem };
      await delay(100 * attempt);
    }
  }

  /** Adds to `found`; returns the error when a retry may help. */
  async #attempt(topics: readonly string[], query: ListOffsetsQuery, attempt: number, found: OffsetsByTopic): Promise<TocsinError | undefined> {
    try {
      const leaders = await this.#leaders(topics, query.partition === undefined || attempt > 1);
      const pending = ledPartitions(leaders, query.partition).filter(({ topic, partition }) => !found.get(topic)?.has(partition));
      const nodes = groupBy(pending, ({ leader }) => leader);
      const problems = await Promise.all([...nodes].map(([node, own]) => this.#requestNode(node, own, query, found)));
      return missingTopic(topics, leaders, query.partition) ?? problems.find((problem) => problem !== undefined);
    } catch (error) {
      return transientOnly(error);
    }
  }

  async #leaders(topics: readonly string[], fresh: boolean): Promise<ReadonlyMap<string, PartitionLeaders>> {
    const [topic, ...others] = topics;
    return others.length > 0 ? this.brokers.topics(topics) : new Map([[topic!, await this.brokers.leaders(topic!, { fresh })]]);
  }

  /** Each node is requested independently of failures of the others. */
  async #requestNode(
    node: number,
    own: readonly LedPartition[],
    { timestamp, committed = false }: ListOffsetsQuery,
    found: OffsetsByTopic,
  ): Promise<TocsinError | undefined> {
    if (node < 0) return new TocsinError('T7004', `${own[0]!.topic}: partition ${own[0]!.partition} has no leader`);
    const topics = [...groupBy(own, ({ topic }) => topic)].map(([topic, all]) => ({
      topic,
      partitions: all.map(({ partition }) => ({ partition, timestamp: String(timestamp) })),
    }));
    try {
      const { responses } = (await this.brokers.request(node, 'ListOffsets', { isolationLevel: committed ? 1 : 0, topics })) as ListOffsetsResponse;
      return collectOffsets(responses, found);
    } catch (error) {
      return transientOnly(error);
    }
  }
}

const ascending = (found: OffsetsByTopic): OffsetsByTopic => new Map([...found].map(([topic, own]) => [topic, sortedByPartition(own)]));

const ledPartitions = (leaders: ReadonlyMap<string, PartitionLeaders>, only: number | undefined): LedPartition[] =>
  [...leaders].flatMap(([topic, all]) =>
    [...all].flatMap(([partition, leader]) => (only === undefined || only === partition ? [{ topic, partition, leader }] : [])),
  );

function missingTopic(topics: readonly string[], leaders: ReadonlyMap<string, PartitionLeaders>, only: number | undefined): TocsinError | undefined {
  const absent = topics.find((topic) => !leaders.has(topic));
  if (absent !== undefined) return new TocsinError('T7005', absent);
  const [topic] = topics;
  return only === undefined || leaders.get(topic!)!.has(only) ? undefined : new TocsinError('T7005', `${topic} has no partition ${only}`);
}

function collectOffsets(responses: ListOffsetsResponse['responses'], found: OffsetsByTopic): TocsinError | undefined {
  let problem: TocsinError | undefined;
  for (const { topic, partitions } of responses) {
    const own = found.get(topic) ?? new Map<number, number>();
    found.set(topic, own);
    for (const { partition, errorCode, offset } of partitions) {
      if (errorCode === 0) own.set(partition, Number(offset));
      else problem ??= new TocsinError('T7004', `${topic}/${partition}: ${errorName(errorCode)}`);
    }
  }
  return problem;
}

/** Returns a transient error (broker unreachable, topic not yet known) and throws any other. */
function transientOnly(error: unknown): TocsinError {
  if (error instanceof TocsinError && (error.code === 'T7001' || error.code === 'T7005')) return error;
  throw error;
}
