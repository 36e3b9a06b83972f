import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type KafkaMessage } from 'kafkajs';
import Batch from 'kafkajs/src/consumer/batch.js';
import errors from 'kafkajs/src/protocol/error.js';
import { Mutex } from '../../database/mutex.js';
import { TocsinError } from '../../shared/errors.js';
import type { ClusterAccess } from '../cluster.js';
import type { LogRecord, TopicPartition } from '../log.js';
import { ANSWER_MS, type Broker, type Pool, poolOf, type RequestName, send, Undecodable } from './broker-pool.js';
import { kafkaClient } from './client.js';
import type { AlterAnswer } from './incremental-alter-configs.js';
import { checkPems, innermost, told } from './refusal.js';
import { logRecord } from './records.js';

/** The broker does not know the partition, or does not lead it any more: whom to ask must be learnt again. */
const MOVED: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 72, 74, 75, 76, 78, 100, 103]);
export const OUT_OF_RANGE = 1;
const NO_SUCH_TOPIC = 3;
const NOT_AUTHORIZED = 29;
const TRIES = 5;
/** Asked for when only the answer matters: an empty list of topics means all of them. */
const PRESENT_EVERYWHERE = '__consumer_offsets';

/** A partition in the answer to a fetch, as kafkajs decodes it. */
export interface FetchedBytes {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly abortedTransactions?: unknown;
  readonly messages: readonly KafkaMessage[];
}

export interface Wanted extends TopicPartition {
  readonly position: number;
}

export interface Fetched extends Wanted {
  readonly records: readonly LogRecord[];
  /** Where to go on: behind the records, and behind what is not to be seen (aborted and control records). */
  readonly next: number;
  readonly highWatermark: number;
  /** Kafka's number; 0 is none. */
  readonly errorCode: number;
  /** Why the bytes cannot be decoded. */
  readonly problem?: string;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly bytes: number;
  readonly partitionBytes: number;
}

/** Which node leads each partition of a topic; -1 where nobody does. */
export type Leaders = ReadonlyMap<number, number>;

/**
 * The brokers of a cluster, asked directly: kafkajs reads in groups only, and lets one bad topic or partition fail a whole answer.
 * Built from its private parts, whose version is pinned. Everything that is thrown is a {@link TocsinError} T7001-T7005 that says what to do.
 */
export class Brokers {
  readonly #pool: Pool;
  readonly #metadata = new Mutex();
  readonly #leaders = new Map<string, Leaders>();
  #closed = false;

  constructor(
    private readonly access: ClusterAccess,
    clientId: string,
  ) {
    this.#pool = poolOf(kafkaClient(access, clientId, { retries: 0 }, ANSWER_MS));
  }

  /** Reaches one of the brokers, and is let in. One try for each. */
  async #connect(): Promise<void> {
    this.#checkOpen();
    checkPems(this.access);
    const refusals: TocsinError[] = [];
    while (refusals.length < Math.max(1, this.access.brokers.length)) {
      const address = (): string | undefined => this.#pool.seedBroker && addressOf(this.#pool.seedBroker);
      let tried = address();
      try {
        await this.#pool.connect();
        tried = address();
        // A broker that wants a login says so at the first real question.
        await this.#pool.refreshMetadata([PRESENT_EVERYWHERE]);
        return;
      } catch (error) {
        refusals.push(await told(error, this.access, tried ?? address() ?? ''));
        await this.#pool.disconnect();
        if (refusals.at(-1)!.code === 'T7002') break;
      }
    }
    throw worst(refusals);
  }

  /** Throws why the cluster cannot be used, if so. */
  async ping(): Promise<void> {
    await this.topics([PRESENT_EVERYWHERE]);
  }

  /** Topics by name, with the leaders of their partitions; those that do not exist are absent. No names: all of them, but Kafka's own. */
  async topics(names: readonly string[] = []): Promise<ReadonlyMap<string, Leaders>> {
    const release = await this.#metadata.acquire();
    try {
      this.#checkOpen();
      if (!this.#pool.metadata) await this.#connect();
      await this.#pool.refreshMetadata(names).catch(() => this.#connect().then(() => this.#pool.refreshMetadata(names)));
      const all = this.#pool.metadata!.topicMetadata.filter(({ topic }) => names.length > 0 || !topic.startsWith('__'));
      if (names.length === 1 && all[0]?.topicErrorCode === NOT_AUTHORIZED) throw new TocsinError('T7004', `${names[0]}: ${words(NOT_AUTHORIZED)}`);
      const found = all.filter(({ partitionMetadata }) => partitionMetadata.length > 0);
      return new Map(
        found.map(({ topic, partitionMetadata }) => [topic, new Map(partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader]))]),
      );
    } catch (error) {
      throw await told(error, this.access);
    } finally {
      release();
    }
  }

  /** Who leads the partitions of a topic. Throws T7005 when there is no such topic. */
  async leaders(topic: string, { fresh }: { fresh: boolean }): Promise<Leaders> {
    const known = fresh ? undefined : this.#leaders.get(topic);
    if (known) return known;
    const found = (await this.topics([topic])).get(topic);
    if (!found) {
      this.#leaders.delete(topic);
      throw new TocsinError('T7005', topic);
    }
    this.#leaders.set(topic, found);
    return found;
  }

  /**
   * By partition, the offset of the first record at or after `timestamp` (epoch ms; -1 is the end, -2 the beginning); -1 when there is none.
   * `committed`: the end is where open transactions begin, which is as far as {@link fetch} can read.
   */
  async listOffsets(topic: string, timestamp: number, { partition, committed = false }: { partition?: number; committed?: boolean } = {}) {
    for (let tries = 1; ; tries++) {
      const found = new Map<number, number>();
      const moved = await this.#tryListOffsets(topic, timestamp, { partition, committed, fresh: partition === undefined || tries > 1 }, found);
      if (!moved) return new Map([...found].sort(([a], [b]) => a - b));
      if (tries === TRIES) throw moved;
      await delay(100 * tries);
    }
  }

  /** Fills `found`; answers why it could not, where learning the leaders again may help. */
  async #tryListOffsets(
    topic: string,
    timestamp: number,
    { partition, committed, fresh }: { partition: number | undefined; committed: boolean; fresh: boolean },
    found: Map<number, number>,
  ): Promise<TocsinError | undefined> {
    try {
      const leaders = await this.leaders(topic, { fresh });
      const byNode = groupBy(
        [...leaders].filter(([id]) => partition === undefined || id === partition),
        ([, node]) => node,
      );
      if (byNode.size === 0) throw new TocsinError('T7005', `${topic} has no partition ${partition}`);
      if (byNode.has(-1)) return new TocsinError('T7004', `${topic}: partition ${byNode.get(-1)![0]![0]} has no leader at the moment`);
      const answers = await Promise.all(
        [...byNode].map(([node, own]) =>
          this.#listFrom(
            node,
            topic,
            timestamp,
            committed,
            own.map(([id]) => id),
          ),
        ),
      );
      for (const { partition: id, errorCode, offset } of answers.flat()) {
        if (errorCode !== 0) return new TocsinError('T7004', `${topic}/${id}: ${words(errorCode)}`);
        found.set(id, Number(offset));
      }
      return undefined;
    } catch (error) {
      const refused = await told(error, this.access);
      if (refused.code === 'T7001' || refused.code === 'T7005') return refused;
      throw refused;
    }
  }

  async #listFrom(nodeId: number, topic: string, timestamp: number, committed: boolean, partitions: readonly number[]) {
    const topics = [{ topic, partitions: partitions.map((partition) => ({ partition, timestamp: String(timestamp) })) }];
    const { responses } = (await this.#ask(nodeId, 'ListOffsets', { isolationLevel: committed ? 1 : 0, topics })) as {
      responses: { partitions: { partition: number; errorCode: number; offset: string }[] }[];
    };
    return responses.flatMap((each) => each.partitions);
  }

  /** What the node has of the partitions, from their positions on. A partition whose bytes cannot be decoded does not fail the others. */
  async fetch(nodeId: number, wanted: readonly Wanted[], limits: FetchLimits): Promise<Fetched[]> {
    try {
      return await this.#fetch(nodeId, wanted, limits);
    } catch (error) {
      if (!(error instanceof Undecodable)) throw await told(error, this.access);
      if (wanted.length === 1)
        return [{ ...wanted[0]!, records: [], next: wanted[0]!.position, highWatermark: 0, errorCode: 0, problem: error.message }];
      const alone: Fetched[] = [];
      for (const each of wanted) alone.push(...(await this.fetch(nodeId, [each], { ...limits, maxWaitMs: 0 })));
      return alone;
    }
  }

  async #fetch(nodeId: number, wanted: readonly Wanted[], { maxWaitMs, bytes, partitionBytes }: FetchLimits): Promise<Fetched[]> {
    const topics = [...groupBy(wanted, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      partitions: own.map(({ partition, position }) => ({ partition, fetchOffset: String(position), maxBytes: partitionBytes })),
    }));
    const fields = { replicaId: -1, isolationLevel: 1, maxWaitTime: maxWaitMs, minBytes: 1, maxBytes: bytes, topics, rackId: '' };
    const { responses } = (await this.#ask(nodeId, 'Fetch', fields)) as {
      responses: { topicName: string; partitions: FetchedBytes[] }[];
    };
    const positions = new Map(wanted.map(({ topic, partition, position }) => [`${topic}/${partition}`, position]));
    return responses.flatMap(({ topicName, partitions }) =>
      partitions.map((each) => fetched(topicName, positions.get(`${topicName}/${each.partition}`) ?? 0, each)),
    );
  }

  /** Sets these settings of a topic; others that were set on it stay. Throws T7005 when there is no such topic. */
  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    try {
      // Any broker takes it to the controller.
      const [node] = await this.#nodes(topic);
      const { errorCode, errorMessage } = (await this.#ask(node!, 'IncrementalAlterConfigs', { topic, config })) as AlterAnswer;
      if (errorCode !== 0) throw new TocsinError('T7004', `${topic}: ${words(errorCode)}: ${errorMessage ?? ''}`);
    } catch (error) {
      throw await told(error, this.access);
    }
  }

  /** The settings of a topic, once for each broker that answers; of a broker that does not know the topic yet, none. */
  async configs(topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string>[]> {
    const nodes = await this.#nodes(topic);
    const answers = await Promise.all(nodes.map((node) => this.#configsOf(node, topic, names)));
    return answers.filter((each) => each !== undefined);
  }

  async #configsOf(nodeId: number, topic: string, names: readonly string[]): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      const fields = { resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: names }], includeSynonyms: false };
      const { resources } = (await this.#ask(nodeId, 'DescribeConfigs', fields)) as {
        resources: { errorCode: number; configEntries: { configName: string; configValue: string }[] }[];
      };
      const [{ errorCode, configEntries }] = resources as [(typeof resources)[number]];
      if (errorCode !== 0 && errorCode !== NO_SUCH_TOPIC) throw new TocsinError('T7004', `${topic}: ${words(errorCode)}`);
      return new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
    } catch (error) {
      const refused = await told(error, this.access);
      if (refused.code === 'T7001') return undefined;
      throw refused;
    }
  }

  /** Every broker of the cluster. Throws T7005 when there is no such topic. */
  async #nodes(topic: string): Promise<number[]> {
    await this.leaders(topic, { fresh: true });
    return Object.keys(this.#pool.brokers).map(Number);
  }

  async #ask(nodeId: number, request: RequestName, fields: object): Promise<unknown> {
    this.#checkOpen();
    const broker = await this.#pool.findBroker({ nodeId });
    try {
      return await send(broker, request, fields);
    } catch (error) {
      if (innermost(error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
      throw error;
    }
  }

  /** kafkajs would connect once more for a question that comes late. */
  #checkOpen(): void {
    if (this.#closed) throw new TocsinError('T7001', `${this.access.brokers.join()}: closed`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.disconnect();
    void this.#closeLate();
  }

  /** Whoever was just connecting when it was closed has come through by the end of its question. */
  async #closeLate(): Promise<void> {
    const release = await this.#metadata.acquire();
    await this.#pool.disconnect();
    release();
  }
}

/** True when the partition is elsewhere, or nowhere: the leaders must be learnt again. */
export const moved = (errorCode: number): boolean => MOVED.has(errorCode);

export const words = (errorCode: number): string => errors.createErrorFromCode(errorCode).type;

function fetched(topic: string, position: number, bytes: FetchedBytes): Fetched {
  const { partition, errorCode } = bytes;
  const at = { topic, partition, position, errorCode, highWatermark: Number(bytes.highWatermark) };
  if (errorCode !== 0) return { ...at, records: [], next: position };
  const batch = new Batch(topic, String(position), bytes);
  const next = batch.rawMessages.length > 0 ? Math.max(position, Number(batch.lastOffset()) + 1) : position;
  return { ...at, records: batch.messages.map(logRecord), next };
}

function groupBy<K, T>(all: Iterable<T>, key: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of all) {
    const group = groups.get(key(each));
    if (group) group.push(each);
    else groups.set(key(each), [each]);
  }
  return groups;
}

const addressOf = ({ connectionPool: { host, port } }: Broker): string => `${host}:${port}`;

/** Of several refusals the one that says most: being refused a login or TLS is more than not being there. */
function worst(refusals: readonly TocsinError[]): TocsinError {
  const [first] = refusals.toSorted((a, b) => (a.code === 'T7001' ? 1 : 0) - (b.code === 'T7001' ? 1 : 0));
  if (first!.code !== 'T7001') return first!;
  return new TocsinError('T7001', [...new Set(refusals.map(({ message }) => message.slice(message.indexOf(': ') + 2)))].join('; '));
}
