import kafkajs, { type KafkaMessage } from 'kafkajs';
import Batch from 'kafkajs/src/consumer/batch.js';
import { Mutex } from '../../../database/mutex.js';
import { TocsinError } from '../../../shared/errors.js';
import type { ClusterAccess } from '../../cluster.js';
import type { LogRecord, TopicPartition } from '../../event-log.js';
import {
  ANSWER_MS,
  type Broker,
  type PartitionMetadata,
  type Pool,
  poolOf,
  type RequestName,
  send,
  Undecodable,
  words,
} from './broker-pool.client.js';
import { kafkaClient } from './kafka-client.client.js';
import { grouped } from '../protocol/grouped.js';
import type { AlterAnswer } from '../protocol/incremental-alter-configs.client.js';
import { checkPems, innermost, told } from './connection-failure.client.js';
import { logRecord } from '../protocol/records.js';

/** The broker does not know the partition, or does not lead it any more: whom to ask must be learnt again. */
const MOVED: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 72, 74, 75, 76, 78, 100, 103]);
export const OUT_OF_RANGE = 1;
const NO_SUCH_TOPIC = 3;
const NOT_AUTHORIZED = 29;
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

/** Which node leads each partition of a topic, in ascending order; -1 where nobody does. */
export type Leaders = ReadonlyMap<number, number>;

export interface ClusterMetadata {
  /** host:port of every broker, by node. */
  readonly addresses: ReadonlyMap<number, string>;
  /** Those that exist, with their partitions in ascending order. */
  readonly topics: ReadonlyMap<string, readonly PartitionMetadata[]>;
}

interface ConfigsAnswer {
  readonly resources: readonly {
    readonly errorCode: number;
    readonly resourceName: string;
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
  }[];
}

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

  /** The brokers, and the topics of these names as one of them knows them at the moment. No names: all of them, but Kafka's own. */
  async metadata(names: readonly string[] = []): Promise<ClusterMetadata> {
    const release = await this.#metadata.acquire();
    try {
      this.#checkOpen();
      if (!this.#pool.metadata) await this.#connect();
      await this.#pool.refreshMetadata(names).catch(() => this.#connect().then(() => this.#pool.refreshMetadata(names)));
      const { brokers, topicMetadata } = this.#pool.metadata!;
      const all = topicMetadata.filter(({ topic }) => names.length > 0 || !topic.startsWith('__'));
      if (names.length === 1 && all[0]?.topicErrorCode === NOT_AUTHORIZED) throw new TocsinError('T7004', `${names[0]}: ${words(NOT_AUTHORIZED)}`);
      const found = all.filter(({ partitionMetadata }) => partitionMetadata.length > 0);
      return {
        addresses: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`])),
        topics: new Map(found.map(({ topic, partitionMetadata }) => [topic, [...partitionMetadata].sort((a, b) => a.partitionId - b.partitionId)])),
      };
    } catch (error) {
      throw await told(error, this.access);
    } finally {
      release();
    }
  }

  /** Topics by name, with the leaders of their partitions; those that do not exist are absent. No names: all of them, but Kafka's own. */
  async topics(names: readonly string[] = []): Promise<ReadonlyMap<string, Leaders>> {
    const leaders = (all: readonly PartitionMetadata[]): Leaders => new Map(all.map(({ partitionId, leader }) => [partitionId, leader]));
    return new Map([...(await this.metadata(names)).topics].map(([topic, all]) => [topic, leaders(all)]));
  }

  /** Every broker of the cluster. */
  async nodes(): Promise<number[]> {
    return [...(await this.metadata([PRESENT_EVERYWHERE])).addresses.keys()];
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
    const topics = [...grouped(wanted, ({ topic }) => topic)].map(([topic, own]) => ({
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
    await this.leaders(topic, { fresh: true });
    const { errorCode, errorMessage } = (await this.askAny('IncrementalAlterConfigs', { topic, config })) as AlterAnswer;
    if (errorCode !== 0) throw new TocsinError('T7004', `${topic}: ${words(errorCode)}: ${errorMessage ?? ''}`);
  }

  /** The settings of topics, once for each broker that answers; of a topic that a broker does not know yet, none. */
  async configs(topics: readonly string[], names: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>[]> {
    const answers = await Promise.all((await this.nodes()).map((node) => this.#configsOf(node, topics, names)));
    return answers.filter((each) => each !== undefined);
  }

  async #configsOf(node: number, topics: readonly string[], names: readonly string[]) {
    try {
      const resources = topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: names }));
      const answer = (await this.ask(node, 'DescribeConfigs', { resources, includeSynonyms: false })) as ConfigsAnswer;
      const refused = answer.resources.find(({ errorCode }) => errorCode !== 0 && errorCode !== NO_SUCH_TOPIC);
      if (refused) throw new TocsinError('T7004', `${refused.resourceName}: ${words(refused.errorCode)}`);
      const entries = (all: ConfigsAnswer['resources'][number]['configEntries']) =>
        new Map(all.map(({ configName, configValue }) => [configName, configValue]));
      return new Map(answer.resources.map(({ resourceName, configEntries }) => [resourceName, entries(configEntries)]));
    } catch (error) {
      if (error instanceof TocsinError && error.code === 'T7001') return undefined;
      throw error;
    }
  }

  /** What a broker answers, errors of single topics, partitions and groups included. */
  async ask(node: number, request: RequestName, fields: object): Promise<unknown> {
    try {
      return await this.#ask(node, request, fields);
    } catch (error) {
      throw await told(error, this.access);
    }
  }

  /** What one of the brokers answers, whichever can be reached. */
  async askAny(request: RequestName, fields: object): Promise<unknown> {
    let refused: unknown;
    for (const node of await this.nodes()) {
      try {
        return await this.ask(node, request, fields);
      } catch (error) {
        if (!(error instanceof TocsinError) || error.code !== 'T7001') throw error;
        refused = error;
      }
    }
    throw refused;
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

function fetched(topic: string, position: number, bytes: FetchedBytes): Fetched {
  const { partition, errorCode } = bytes;
  const at = { topic, partition, position, errorCode, highWatermark: Number(bytes.highWatermark) };
  if (errorCode !== 0) return { ...at, records: [], next: position };
  const batch = new Batch(topic, String(position), bytes);
  const next = batch.rawMessages.length > 0 ? Math.max(position, Number(batch.lastOffset()) + 1) : position;
  return { ...at, records: batch.messages.map(logRecord), next };
}

const addressOf = ({ connectionPool: { host, port } }: Broker): string => `${host}:${port}`;

/** Of several refusals the one that says most: being refused a login or TLS is more than not being there. */
function worst(refusals: readonly TocsinError[]): TocsinError {
  const [first] = refusals.toSorted((a, b) => (a.code === 'T7001' ? 1 : 0) - (b.code === 'T7001' ? 1 : 0));
  if (first!.code !== 'T7001') return first!;
  return new TocsinError('T7001', [...new Set(refusals.map(({ message }) => message.slice(message.indexOf(': ') + 2)))].join('; '));
}
