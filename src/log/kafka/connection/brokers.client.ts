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

/** Errors after which the leaders must be refreshed: the broker does not have the partition, or is no longer its leader. */
const STALE_LEADER_ERRORS: ReadonlySet<number> = new Set([3, 5, 6, 9, 13, 72, 74, 75, 76, 78, 100, 103]);
export const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const TOPIC_AUTHORIZATION_FAILED = 29;
/** Requested where only the broker list or the reachability matters: an empty list of topics would mean all topics. */
const PROBE_TOPIC = '__consumer_offsets';

export interface FetchPosition extends TopicPartition {
  readonly position: number;
}

export interface FetchedPartition extends FetchPosition {
  readonly records: readonly LogRecord[];
  /** Offset of the next fetch: after the records and after skipped ones (aborted transactions, control records). */
  readonly nextPosition: number;
  readonly highWatermark: number;
  /** Error code of the Kafka protocol; 0 is success. */
  readonly errorCode: number;
  /** Why the records cannot be decoded. */
  readonly problem?: string;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly bytes: number;
  readonly partitionBytes: number;
}

/** Leader node of each partition of a topic, in ascending order of partitions; −1 without a leader. */
export type PartitionLeaders = ReadonlyMap<number, number>;

export interface ClusterMetadata {
  /** host:port of every broker, by node id. */
  readonly addresses: ReadonlyMap<number, string>;
  /** Existing topics, with their partitions in ascending order. */
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
 * Requests to the brokers of a cluster without a consumer group: kafkajs reads only in groups, and fails a whole response for one bad topic
 * or partition. Built on private parts of kafkajs, whose version is pinned. Throws {@link TocsinError} T7001-T7005 with a remedy.
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

  /** Connects to one of the bootstrap brokers and authenticates; one attempt per broker. */
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
        // A listener that requires SASL closes the connection only at the first request after ApiVersions.
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

  /** Throws the reason when the cluster cannot be used. */
  async ping(): Promise<void> {
    await this.topics([PROBE_TOPIC]);
  }

  /** Brokers and the topics of these names, from the metadata of one broker. Without names: all topics except internal ones. */
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

  /** Partition leaders by topic; missing topics are absent. Without names: all topics except internal ones. */
  async topics(names: readonly string[] = []): Promise<ReadonlyMap<string, PartitionLeaders>> {
    const leaders = (all: readonly PartitionMetadata[]): PartitionLeaders => new Map(all.map(({ partitionId, leader }) => [partitionId, leader]));
    return new Map([...(await this.metadata(names)).topics].map(([topic, all]) => [topic, leaders(all)]));
  }

  /** Node ids of all brokers. */
  async nodes(): Promise<number[]> {
    return [...(await this.metadata([PROBE_TOPIC])).addresses.keys()];
  }

  /** Leaders of the partitions of a topic, from the cache unless `fresh`. Throws T7005 when the topic does not exist. */
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

  /** Fetches from one node. A partition whose records cannot be decoded does not fail the others. */
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

  /** Sets configs of a topic and keeps all others. Throws T7005 when the topic does not exist. */
  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.leaders(topic, { fresh: true });
    const { errorCode, errorMessage } = (await this.requestAny('IncrementalAlterConfigs', { topic, config })) as AlterConfigsResponse;
    if (errorCode !== 0) throw new TocsinError('T7004', `${topic}: ${errorName(errorCode)}: ${errorMessage ?? ''}`);
  }

  /** Topic configs as each reachable broker returns them; empty for a topic that has not reached a broker yet. */
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

  /** Sends a request to one broker and returns the response, including errors of single topics, partitions and groups. */
  async request(node: number, name: RequestName, fields: object): Promise<unknown> {
    try {
      return await this.#request(node, name, fields);
    } catch (error) {
      throw await toTocsinError(error, this.access);
    }
  }

  /** Sends a request to any reachable broker. */
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

  /** kafkajs would reconnect for a request after close. */
  #checkOpen(): void {
    if (this.#closed) throw new TocsinError('T7001', `${this.access.brokers.join()}: closed`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.disconnect();
    void this.#closeLateConnections();
  }

  /** Closes connections that were still being established during close. */
  async #closeLateConnections(): Promise<void> {
    const release = await this.#metadataLock.acquire();
    await this.#pool.disconnect();
    release();
  }
}

/** True when the leaders must be refreshed. */
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

/** Prefers authentication and TLS failures over unreachable brokers. */
function mostSpecific(failures: readonly TocsinError[]): TocsinError {
  const [first] = failures.toSorted((a, b) => (a.code === 'T7001' ? 1 : 0) - (b.code === 'T7001' ? 1 : 0));
  if (first!.code !== 'T7001') return first!;
  return new TocsinError('T7001', [...new Set(failures.map(({ message }) => message.slice(message.indexOf(': ') + 2)))].join('; '));
}
