import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type DescribeConfigResponse, type GroupDescription, type ITopicConfig, type ITopicMetadata } from 'kafkajs';
import type { Config } from '../../config.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import type { TopicPartition } from '../log.js';
import { type GroupMember, type GroupState, type NewTopic, type PartitionState, TopicAdmin, type TopicState } from '../topic-admin.js';
import { letterBytes, letteredTopic, MOST_BYTES } from '../topic-limits.js';

/** One of our clusters, as far as the tools need it. */
interface Part {
  admin(): Promise<Admin>;
  /** Waits until the brokers tell of so many partitions of each topic. */
  shows(partitions: ReadonlyMap<string, number>): Promise<void>;
  /** Sets these settings of a topic, and waits until the brokers tell of them. */
  configure(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}

/** Which cluster a topic stands on, and how topics are called there. */
export interface Placement {
  readonly clusters: ReadonlyMap<string, Part>;
  clusterOf(topic: string): string;
  physical(topic: string): string;
  /** undefined for a topic that is not ours. */
  logical(physical: string): string | undefined;
  /** undefined for a group that is not ours. */
  stage(groupId: string): string | undefined;
}

/** Topics that stand on the cluster of ALERT_KAFKA_BROKERS where there is one. */
export const alertTopics: ReadonlySet<string> = new Set(
  [contract.alerts, contract.alertStatus, contract.convergedAlerts].flatMap(({ name }) => [name, deadLetterTopic(name)]),
);

/** The placement that the settings say. */
export function placementOf(
  { TOPIC_PREFIX, GROUP_PREFIX }: Pick<Config, 'TOPIC_PREFIX' | 'GROUP_PREFIX'>,
  clusters: ReadonlyMap<string, Part>,
  clusterOf: (topic: string) => string,
): Placement {
  return {
    clusters,
    clusterOf,
    physical: (topic) => TOPIC_PREFIX + topic,
    logical: (physical) => (physical.startsWith(TOPIC_PREFIX) ? physical.slice(TOPIC_PREFIX.length) : undefined),
    stage: (groupId) => (groupId.startsWith(`${GROUP_PREFIX}.`) ? groupId.slice(GROUP_PREFIX.length + 1) : undefined),
  };
}

const SHOWN = ['retention.ms', 'retention.bytes', 'min.insync.replicas', MOST_BYTES, 'cleanup.policy', 'compression.type', 'message.timestamp.type'];
const TOPIC = kafkajs.ConfigResourceTypes.TOPIC;
const TRIES = 5;

type Offsets = ReadonlyMap<number, { readonly low: number; readonly high: number }>;

/** Topics on Apache Kafka. */
export class KafkaTopics extends TopicAdmin {
  constructor(
    private readonly placement: Placement,
    private readonly replication: number,
  ) {
    super();
  }

  #admin(cluster: string): Promise<Admin> {
    return this.placement.clusters.get(cluster)!.admin();
  }

  #clusterOf(topic: string): Part {
    return this.placement.clusters.get(this.placement.clusterOf(topic))!;
  }

  #adminOf(topic: string): Promise<Admin> {
    return this.#clusterOf(topic).admin();
  }

  async brokers(topic: string): Promise<number> {
    return (await (await this.#adminOf(topic)).describeCluster()).brokers.length;
  }

  async describe(names?: readonly string[]): Promise<TopicState[]> {
    const found: TopicState[] = [];
    for (const cluster of this.placement.clusters.keys()) found.push(...(await this.#describe(cluster, names)));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #describe(cluster: string, names: readonly string[] | undefined): Promise<TopicState[]> {
    const admin = await this.#admin(cluster);
    const existing = await admin.listTopics();
    const wanted = names && new Set(names.filter((name) => this.placement.clusterOf(name) === cluster).map((name) => this.placement.physical(name)));
    const physical = existing.filter((name) => (wanted ? wanted.has(name) : !name.startsWith('__') && this.placement.logical(name) !== undefined));
    if (physical.length === 0) return [];
    const [{ brokers }, { topics }, { resources }] = await Promise.all([
      admin.describeCluster(),
      admin.fetchTopicMetadata({ topics: physical }),
      admin.describeConfigs({ includeSynonyms: false, resources: physical.map((name) => ({ type: TOPIC, name, configNames: SHOWN })) }),
    ]);
    const addresses = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
    const described: TopicState[] = [];
    for (const metadata of topics) {
      const offsets = await offsetsOf(admin, metadata.name);
      described.push({
        name: this.placement.logical(metadata.name) ?? metadata.name,
        cluster,
        partitions: partitionsOf(metadata, addresses, offsets),
        config: configOf(resources, metadata.name),
      });
    }
    return described;
  }

  async groups(): Promise<GroupState[]> {
    const found: GroupState[] = [];
    for (const cluster of this.placement.clusters.keys()) {
      const admin = await this.#admin(cluster);
      const ids = (await admin.listGroups()).groups.filter(({ protocolType }) => protocolType === 'consumer' || protocolType === '');
      if (ids.length === 0) continue;
      const { groups } = await admin.describeGroups(ids.map(({ groupId }) => groupId));
      found.push(...groups.map((group) => this.#group(cluster, group)));
    }
    return found.sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  /** Members of one group, on whichever cluster it consumes. */
  async members(groupId: string): Promise<GroupMember[]> {
    const found: GroupMember[] = [];
    for (const cluster of this.placement.clusters.keys()) {
      const { groups } = await (await this.#admin(cluster)).describeGroups([groupId]);
      found.push(...groups.flatMap((group) => this.#group(cluster, group).members));
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
    const admin = await cluster.admin();
    const wanted = await withRoom(admin, { ...topic, name: this.placement.physical(topic.name) });
    await admin.createTopics({ waitForLeaders: false, topics: [topicConfig(wanted, this.replication)] });
    await cluster.shows(new Map([[wanted.name, 1]]));
  }

  async grow(topic: string, partitions: number): Promise<void> {
    const cluster = this.#clusterOf(topic);
    const name = this.placement.physical(topic);
    await (await cluster.admin()).createPartitions({ topicPartitions: [{ topic: name, count: partitions }] });
    await cluster.shows(new Map([[name, partitions]]));
  }

  async configure(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.#clusterOf(topic).configure(this.placement.physical(topic), config);
  }
}

/**
 * Dead letters get room for every record that their topic takes and for the headers besides, whatever else is asked. The topic must exist;
 * where nobody tells what it takes, that of its dead letters is left to the brokers, and said. `name` is the physical one.
 */
export async function withRoom(admin: Admin, topic: NewTopic): Promise<NewTopic> {
  const original = letteredTopic(topic.name);
  if (original === undefined) return topic;
  try {
    const bytes = Math.max(letterBytes(await mostBytes(admin, original)), Number(topic.config?.[MOST_BYTES] ?? 0));
    return { ...topic, config: { ...topic.config, [MOST_BYTES]: String(bytes) } };
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
    new Logger('topics').warn(`${topic.name} is created without room for headers, because nobody tells what ${original} takes: ${error.message}`);
    return topic;
  }
}

/** What a topic takes; of one that was just created not every broker knows yet. */
async function mostBytes(admin: Admin, topic: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC, name: topic, configNames: [MOST_BYTES] }],
      });
      const told = configOf(resources, topic)[MOST_BYTES];
      if (told === undefined) throw new kafkajs.KafkaJSNonRetriableError('the broker does not say');
      return Number(told);
    } catch (error) {
      if (tries === TRIES || (error as { type?: string }).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      await delay(100 * tries);
    }
  }
}

/** How kafkajs wants to be told of a topic to create; `name` is the physical one. */
export function topicConfig({ name, partitions, replication, config = {} }: NewTopic, byDefault: number): ITopicConfig {
  return { topic: name, numPartitions: partitions, replicationFactor: replication ?? byDefault, configEntries: entries(config) };
}

const entries = (config: Readonly<Record<string, string>>): { name: string; value: string }[] =>
  Object.entries(config).map(([name, value]) => ({ name, value }));

/** A topic without a leader somewhere has no answer; the tools show the rest of it all the same. */
async function offsetsOf(admin: Admin, topic: string): Promise<Offsets> {
  try {
    const all = await admin.fetchTopicOffsets(topic);
    return new Map(all.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSError)) throw error;
    return new Map();
  }
}

function partitionsOf({ partitions }: ITopicMetadata, addresses: ReadonlyMap<number, string>, offsets: Offsets): PartitionState[] {
  return partitions
    .map(({ partitionId, leader, replicas, isr }) => ({
      partition: partitionId,
      leader: addresses.get(leader) ?? null,
      replicas,
      inSync: isr,
      low: offsets.get(partitionId)?.low ?? null,
      high: offsets.get(partitionId)?.high ?? null,
    }))
    .sort((a, b) => a.partition - b.partition);
}

function configOf(resources: DescribeConfigResponse['resources'], physical: string): Record<string, string> {
  const found = resources.find(({ resourceName }) => resourceName === physical)?.configEntries ?? [];
  return Object.fromEntries(found.map(({ configName, configValue }) => [configName, configValue]));
}
