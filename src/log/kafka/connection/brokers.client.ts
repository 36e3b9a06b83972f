import kafkajs from 'kafkajs';
import Batch from 'kafkajs/src/consumer/batch.js';
import { Mutex } from '../../../database/mutex.js';
import { TocsinError } from '../../../shared/errors.js';
import type { ClusterAccess } from '../../cluster.js';
import type { LogRecord, TopicPartition } from '../../event-log.js';
import {
  REQUEST_TIMEOUT_MS,
  type KafkajsBroker,
  type PartitionMetadata,
  type KafkajsBrokerPool,
  brokerPoolOf,
  sendRequest,
  DecodeError,
  errorName,
} from './broker-pool.client.js';
import { kafkaClient } from './kafka-client.client.js';
import { groupBy } from '../protocol/group-by.js';
import type { RequestName } from '../protocol/api-keys.js';
import type { FetchPartitionResponse } from '../protocol/fetch-response.js';
import type { AlterConfigsResponse } from '../protocol/incremental-alter-configs.client.js';
import { checkTlsMaterial, rootCause, toTocsinError } from './connection-failure.client.js';
import { toLogRecord } from '../protocol/log-record.js';

/** The broker does not know the partition, or does not lead it any more: whom to ask must be learnt again. */
const STALE_LEADER_ERRORS: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 72, 74, 75, 76, 78, 100, 103]);
export const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Asked for when only the response matters: an empty list of topics means all of them. */
const PROBE_TOPIC = '__consumer_offsets';

export interface FetchPosition extends TopicPartition {
  readonly position: number;
}

export interface FetchedPartition extends FetchPosition {
  readonly records: readonly LogRecord[];
  /** Where to go on: behind the records, and behind what is not to be seen (aborted and control records). */
  readonly nextPosition: number;
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
export type PartitionLeaders = ReadonlyMap<number, number>;

export interface ClusterMetadata {
  /** host:port of every broker, by node. */
  readonly addresses: ReadonlyMap<number, string>;
  /** Those that exist, with their partitions in ascending order. */
  readonly topics: ReadonlyMap<string, readonly PartitionMetadata[]>;
}

interface DescribeConfigsResponse {
  readonly resources: readonly {
    readonly errorCode: number;
    readonly resourceName: string;
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
  }[];
}

/**
 * The brokers of a cluster, asked directly: kafkajs reads in groups only, and lets one bad topic or partition fail a whole response.
 * Built from its private parts, whose version is pinned. Everything that is thrown is a {@link TocsinError} T7001-T7005 that says what to do.
 */
export class Brokers {
  readonly #pool: KafkajsBrokerPool;
  readonly #metadataLock = new Mutex();
  readonly #leaders = new Map<string, PartitionLeaders>();
  #closed = false;

  constructor(
    private readonly access: ClusterAccess,
    clientId: string,
  ) {
    this.#pool = brokerPoolOf(kafkaClient(access, clientId, { retries: 0 }, REQUEST_TIMEOUT_MS));
  }

  /** Reaches one of the brokers, and is let in. One try for each. */
  async #connect(): Promise<void> {
    this.#checkOpen();
    checkTlsMaterial(this.access);
    const failures: TocsinError[] = [];
    while (failures.length < Math.max(1, this.access.brokers.length)) {
      const address = (): string | undefined => this.#pool.seedBroker && addressOf(this.#pool.seedBroker);
      let attempted = address();
      try {
        await this.#pool.connect();
        attempted = address();
        // A broker that wants a login says so at the first real question.
        await this.#pool.refreshMetadata([PROBE_TOPIC]);
        return;
      } catch (error) {
        failures.push(await toTocsinError(error, this.access, attempted ?? address() ?? ''));
        await this.#pool.disconnect();
        if (failures.at(-1)!.code === 'T7002') break;
      }
    }
    throw mostSpecific(failures);
  }

  /** Throws why the cluster cannot be used, if so. */
  async ping(): Promise<void> {
    await this.topics([PROBE_TOPIC]);
  }

  /** The brokers, and the topics of these names as one of them knows them at the moment. No names: all of them, but Kafka's own. */
  async metadata(names: readonly string[] = []): Promise<ClusterMetadata> {
    const release = await this.#metadataLock.acquire();
    try {
      this.#checkOpen();
      if (!this.#pool.metadata) await this.#connect();
      await this.#pool.refreshMetadata(names).catch(() => this.#connect().then(() => this.#pool.refreshMetadata(names)));
      const { brokers, topicMetadata } = this.#pool.metadata!;
      const all = topicMetadata.filter(({ topic }) => names.length > 0 || !topic.startsWith('__'));
      if (names.length === 1 && all[0]?.topicErrorCode === TOPIC_AUTHORIZATION_FAILED)
        throw new TocsinError('T7004', `${names[0]}: ${errorName(TOPIC_AUTHORIZATION_FAILED)}`);
      const found = all.filter(({ partitionMetadata }) => partitionMetadata.length > 0);
      return {
        addresses: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`])),
        topics: new Map(found.map(({ topic, partitionMetadata }) => [topic, [...partitionMetadata].sort((a, b) => a.partitionId - b.partitionId)])),
      };
    } catch (error) {
      throw await toTocsinError(error, this.access);
    } finally {
      release();
    }
  }

  /** Topics by name, with the leaders of their partitions; those that do not exist are absent. No names: all of them, but Kafka's own. */
  async topics(names: readonly string[] = []): Promise<ReadonlyMap<string, PartitionLeaders>> {
    const leaders = (all: readonly PartitionMetadata[]): PartitionLeaders => new Map(all.map(({ partitionId, leader }) => [partitionId, leader]));
    return new Map([...(await this.metadata(names)).topics].map(([topic, all]) => [topic, leaders(all)]));
  }

  /** Every broker of the cluster. */
  async nodes(): Promise<number[]> {
    return [...(await this.metadata([PROBE_TOPIC])).addresses.keys()];
  }

  /** Who leads the partitions of a topic. Throws T7005 when there is no such topic. */
  async leaders(topic: string, { fresh }: { fresh: boolean }): Promise<PartitionLeaders> {
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
  async fetch(nodeId: number, positions: readonly FetchPosition[], limits: FetchLimits): Promise<FetchedPartition[]> {
    try {
      return await this.#fetch(nodeId, positions, limits);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw await toTocsinError(error, this.access);
      if (positions.length === 1)
        return [{ ...positions[0]!, records: [], nextPosition: positions[0]!.position, highWatermark: 0, errorCode: 0, problem: error.message }];
      const separately: FetchedPartition[] = [];
      for (const each of positions) separately.push(...(await this.fetch(nodeId, [each], { ...limits, maxWaitMs: 0 })));
      return separately;
    }
  }

  async #fetch(nodeId: number, positions: readonly FetchPosition[], { maxWaitMs, bytes, partitionBytes }: FetchLimits): Promise<FetchedPartition[]> {
    const topics = [...groupBy(positions, ({ topic }) => topic)].map(([topic, own]) => ({
      topic,
      partitions: own.map(({ partition, position }) => ({ partition, fetchOffset: String(position), maxBytes: partitionBytes })),
    }));
    const fields = { replicaId: -1, isolationLevel: 1, maxWaitTime: maxWaitMs, minBytes: 1, maxBytes: bytes, topics, rackId: '' };
    const { responses } = (await this.#request(nodeId, 'Fetch', fields)) as {
      responses: { topicName: string; partitions: FetchPartitionResponse[] }[];
    };
    const positionOf = new Map(positions.map(({ topic, partition, position }) => [`${topic}/${partition}`, position]));
    return responses.flatMap(({ topicName, partitions }) =>
      partitions.map((each) => toFetchedPartition(topicName, positionOf.get(`${topicName}/${each.partition}`) ?? 0, each)),
    );
  }

  /** Sets these settings of a topic; others that were set on it stay. Throws T7005 when there is no such topic. */
  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.leaders(topic, { fresh: true });
    const { errorCode, errorMessage } = (await this.requestAny('IncrementalAlterConfigs', { topic, config })) as AlterConfigsResponse;
    if (errorCode !== 0) throw new TocsinError('T7004', `${topic}: ${errorName(errorCode)}: ${errorMessage ?? ''}`);
  }

  /** The settings of topics, once for each broker that answers; of a topic that a broker does not know yet, none. */
  async configs(topics: readonly string[], names: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>[]> {
    const answers = await Promise.all((await this.nodes()).map((node) => this.#configsOf(node, topics, names)));
    return answers.filter((each) => each !== undefined);
  }

  async #configsOf(node: number, topics: readonly string[], names: readonly string[]) {
    try {
      const resources = topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: names }));
      const response = (await this.request(node, 'DescribeConfigs', { resources, includeSynonyms: false })) as DescribeConfigsResponse;
      const rejected = response.resources.find(({ errorCode }) => errorCode !== 0 && errorCode !== UNKNOWN_TOPIC_OR_PARTITION);
      if (rejected) throw new TocsinError('T7004', `${rejected.resourceName}: ${errorName(rejected.errorCode)}`);
      const entries = (all: DescribeConfigsResponse['resources'][number]['configEntries']) =>
        new Map(all.map(({ configName, configValue }) => [configName, configValue]));
      return new Map(response.resources.map(({ resourceName, configEntries }) => [resourceName, entries(configEntries)]));
    } catch (error) {
      if (error instanceof TocsinError && error.code === 'T7001') return undefined;
      throw error;
    }
  }

  /** What a broker answers, errors of single topics, partitions and groups included. */
  async request(node: number, name: RequestName, fields: object): Promise<unknown> {
    try {
      return await this.#request(node, name, fields);
    } catch (error) {
      throw await toTocsinError(error, this.access);
    }
  }

  /** What one of the brokers answers, whichever can be reached. */
  async requestAny(name: RequestName, fields: object): Promise<unknown> {
    let rejected: unknown;
    for (const node of await this.nodes()) {
      try {
        return await this.request(node, name, fields);
      } catch (error) {
        if (!(error instanceof TocsinError) || error.code !== 'T7001') throw error;
        rejected = error;
      }
    }
    throw rejected;
  }

  async #request(nodeId: number, name: RequestName, fields: object): Promise<unknown> {
    this.#checkOpen();
    const broker = await this.#pool.findBroker({ nodeId });
    try {
      return await sendRequest(broker, name, fields);
    } catch (error) {
      if (rootCause(error).name === 'KafkaJSConnectionClosedError') await broker.disconnect();
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
    void this.#closeLateConnections();
  }

  /** Whoever was just connecting when it was closed has come through by the end of its question. */
  async #closeLateConnections(): Promise<void> {
    const release = await this.#metadataLock.acquire();
    await this.#pool.disconnect();
    release();
  }
}

/** True when the partition is elsewhere, or nowhere: the leaders must be learnt again. */
export const isStaleLeader = (errorCode: number): boolean => STALE_LEADER_ERRORS.has(errorCode);

function toFetchedPartition(topic: string, position: number, bytes: FetchPartitionResponse): FetchedPartition {
  const { partition, errorCode } = bytes;
  const at = { topic, partition, position, errorCode, highWatermark: Number(bytes.highWatermark) };
  if (errorCode !== 0) return { ...at, records: [], nextPosition: position };
  const batch = new Batch(topic, String(position), bytes);
  const nextPosition = batch.rawMessages.length > 0 ? Math.max(position, Number(batch.lastOffset()) + 1) : position;
  return { ...at, records: batch.messages.map(toLogRecord), nextPosition };
}

const addressOf = ({ connectionPool: { host, port } }: KafkajsBroker): string => `${host}:${port}`;

/** Of several failures the one that says most: being rejected a login or TLS is more than not being there. */
function mostSpecific(failures: readonly TocsinError[]): TocsinError {
  const [first] = failures.toSorted((a, b) => (a.code === 'T7001' ? 1 : 0) - (b.code === 'T7001' ? 1 : 0));
  if (first!.code !== 'T7001') return first!;
  return new TocsinError('T7001', [...new Set(failures.map(({ message }) => message.slice(message.indexOf(': ') + 2)))].join('; '));
}
