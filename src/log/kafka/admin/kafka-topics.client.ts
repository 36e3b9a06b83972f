import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type GroupDescription, type ITopicConfig } from 'kafkajs';
import type { Config } from '../../../config.js';
import { TocsinError } from '../../../shared/errors.js';
import { deadLetterTopic, topics as contract } from '../../../topics.js';
import type { TopicPartition } from '../../event-log.js';
import { type GroupMember, type GroupState, type NewTopic, type TopicPartitionState, TopicAdmin, type TopicState } from '../../topic-admin.js';
import { deadLetterBytes, originalTopic, MOST_BYTES } from '../../topic-limits.js';
import type { PartitionMetadata } from '../connection/broker-pool.client.js';
import type { Brokers } from '../connection/brokers.client.js';
import type { KafkaConsumerGroups } from './consumer-groups.client.js';
import type { OffsetRange, OffsetLookup } from '../connection/offset-lookup.client.js';

/** A configured cluster, with the operations that topic administration needs. */
interface ManagedCluster {
  readonly brokers: Brokers;
  readonly lookup: OffsetLookup;
  readonly groups: KafkaConsumerGroups;
  /** For requests that only the controller handles. */
  admin(): Promise<Admin>;
  /** Waits until the metadata shows at least this many partitions of each topic. */
  awaitPartitions(partitions: ReadonlyMap<string, number>): Promise<void>;
  /** Sets configs of a topic and waits until the brokers return them. */
  configure(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}

/** Maps topics to clusters, and logical to physical names. */
export interface TopicPlacement {
  readonly clusters: ReadonlyMap<string, ManagedCluster>;
  clusterOf(topic: string): string;
  physical(topic: string): string;
  /** undefined for a topic without TOPIC_PREFIX. */
  logical(physical: string): string | undefined;
  /** undefined for a group without GROUP_PREFIX. */
  stage(groupId: string): string | undefined;
}

/** Topics of the cluster of ALERT_KAFKA_BROKERS, where one is configured. */
export const alertTopics: ReadonlySet<string> = new Set(
  [contract.alerts, contract.alertStatus, contract.convergedAlerts].flatMap(({ name }) => [name, deadLetterTopic(name)]),
);

export function topicPlacement(
  { TOPIC_PREFIX, GROUP_PREFIX }: Pick<Config, 'TOPIC_PREFIX' | 'GROUP_PREFIX'>,
  clusters: ReadonlyMap<string, ManagedCluster>,
  clusterOf: (topic: string) => string,
): TopicPlacement {
  return {
    clusters,
    clusterOf,
    physical: (topic) => TOPIC_PREFIX + topic,
    logical: (physical) => (physical.startsWith(TOPIC_PREFIX) ? physical.slice(TOPIC_PREFIX.length) : undefined),
    stage: (groupId) => (groupId.startsWith(`${GROUP_PREFIX}.`) ? groupId.slice(GROUP_PREFIX.length + 1) : undefined),
  };
}

const DESCRIBED_CONFIGS = [
  'retention.ms',
  'retention.bytes',
  'min.insync.replicas',
  MOST_BYTES,
  'cleanup.policy',
  'compression.type',
  'message.timestamp.type',
];
const MAX_ATTEMPTS = 5;

export class KafkaTopics extends TopicAdmin {
  constructor(
    private readonly placement: TopicPlacement,
    private readonly replication: number,
  ) {
    super();
  }

  #clusterOf(topic: string): ManagedCluster {
    return this.placement.clusters.get(this.placement.clusterOf(topic))!;
  }

  async brokers(topic: string): Promise<number> {
    return (await this.#clusterOf(topic).brokers.nodes()).length;
  }

  async describe(names?: readonly string[]): Promise<TopicState[]> {
    const all = await Promise.all([...this.placement.clusters].map(([name, cluster]) => this.#describe(name, cluster, names)));
    return all.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #describe(name: string, { brokers, lookup }: ManagedCluster, names: readonly string[] | undefined): Promise<TopicState[]> {
    const wanted = names?.filter((topic) => this.placement.clusterOf(topic) === name).map((topic) => this.placement.physical(topic));
    // An empty list would request all topics.
    if (wanted?.length === 0) return [];
    const { addresses, topics } = await brokers.metadata(wanted);
    const physical = [...topics.keys()].filter((topic) => wanted !== undefined || this.placement.logical(topic) !== undefined);
    if (physical.length === 0) return [];
    const [bounds, configs] = await Promise.all([lookup.ranges(physical), brokers.configs(physical, DESCRIBED_CONFIGS)]);
    return physical.map((topic) => ({
      name: this.placement.logical(topic) ?? topic,
      cluster: name,
      partitions: partitionsOf(topics.get(topic)!, addresses, bounds.get(topic)!),
      config: Object.fromEntries(configs.map((each) => each.get(topic)).find((each) => each && each.size > 0) ?? []),
    }));
  }

  async groups(): Promise<GroupState[]> {
    const found: GroupState[] = [];
    for (const [cluster, { groups }] of this.placement.clusters) {
      found.push(...(await groups.all()).map((group) => this.#group(cluster, group)));
    }
    return found.sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  /** Members of a group on all clusters. */
  async members(groupId: string): Promise<GroupMember[]> {
    const found: GroupMember[] = [];
    for (const [cluster, { groups }] of this.placement.clusters) {
      found.push(...this.#group(cluster, await groups.describe(groupId)).members);
    }
    return found;
  }

  #group(cluster: string, { groupId, state, protocol, members }: GroupDescription): GroupState {
    return {
      group: groupId,
      stage: this.placement.stage(groupId) ?? null,
      cluster,
      state,
      protocol,
      members: members.map(({ memberId, clientId, clientHost, memberAssignment }) => ({
        id: memberId,
        client: clientId,
        host: clientHost.replace(/^\//, ''),
        partitions: this.#assigned(memberAssignment),
      })),
    };
  }

  #assigned(bytes: Buffer): TopicPartition[] {
    const assignment = bytes.length > 0 ? kafkajs.AssignerProtocol.MemberAssignment.decode(bytes)?.assignment : undefined;
    return Object.entries(assignment ?? {}).flatMap(([physical, partitions]) =>
      partitions.map((partition) => ({ topic: this.placement.logical(physical) ?? physical, partition })),
    );
  }

  async create(topic: NewTopic): Promise<void> {
    const cluster = this.#clusterOf(topic.name);
    const wanted = await withDeadLetterRoom(cluster.brokers, { ...topic, name: this.placement.physical(topic.name) });
    await (await cluster.admin()).createTopics({ waitForLeaders: false, topics: [kafkajsTopicConfig(wanted, this.replication)] });
    await cluster.awaitPartitions(new Map([[wanted.name, 1]]));
  }

  async grow(topic: string, partitions: number): Promise<void> {
    const cluster = this.#clusterOf(topic);
    const name = this.placement.physical(topic);
    await (await cluster.admin()).createPartitions({ topicPartitions: [{ topic: name, count: partitions }] });
    await cluster.awaitPartitions(new Map([[name, partitions]]));
  }

  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.#clusterOf(topic).configure(this.placement.physical(topic), config);
  }
}

/**
 * Raises max.message.bytes of a dead-letter topic so that every record of its original topic fits with the additional headers. When the
 * limit of the original topic is unknown, logs a warning and leaves the default of the broker. `name` is physical.
 */
export async function withDeadLetterRoom(brokers: Brokers, topic: NewTopic): Promise<NewTopic> {
  const original = originalTopic(topic.name);
  if (original === undefined) return topic;
  try {
    const bytes = Math.max(deadLetterBytes(await maxMessageBytes(brokers, original)), Number(topic.config?.[MOST_BYTES] ?? 0));
    return { ...topic, config: { ...topic.config, [MOST_BYTES]: String(bytes) } };
  } catch (error) {
    if (!(error instanceof TocsinError)) throw error;
    new Logger('topics').warn(
      `${topic.name} is created without headroom for headers because max.message.bytes of ${original} is unknown: ${error.message}`,
    );
    return topic;
  }
}

/** max.message.bytes of a topic. Retried, because a new topic reaches some brokers later than others. */
async function maxMessageBytes(brokers: Brokers, topic: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const values = (await brokers.configs([topic], [MOST_BYTES])).map((each) => each.get(topic)?.get(MOST_BYTES));
    const known = values.filter((each) => each !== undefined);
    if (known.length > 0) return Math.max(...known.map(Number));
    if (attempt === MAX_ATTEMPTS) throw new TocsinError('T7005', topic);
    await delay(100 * attempt);
  }
}

/** The topic in the format of kafkajs; `name` is physical. */
export function kafkajsTopicConfig({ name, partitions, replication, config = {} }: NewTopic, byDefault: number): ITopicConfig {
  return { topic: name, numPartitions: partitions, replicationFactor: replication ?? byDefault, configEntries: entries(config) };
}

const entries = (config: Readonly<Record<string, string>>): { name: string; value: string }[] =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

function partitionsOf(
  partitions: readonly PartitionMetadata[],
  addresses: ReadonlyMap<number, string>,
  bounds: ReadonlyMap<number, OffsetRange>,
): TopicPartitionState[] {
  return partitions.map(({ partitionId, leader, replicas, isr }) => ({
    partition: partitionId,
    leader: addresses.get(leader) ?? null,
    replicas,
    inSync: isr,
    low: bounds.get(partitionId)?.low ?? null,
    high: bounds.get(partitionId)?.high ?? null,
  }));
}
