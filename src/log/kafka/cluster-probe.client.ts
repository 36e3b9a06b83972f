import type { Config } from '../../config.js';
import { TocsinError } from '../../shared/errors.js';
import { within } from '../../shared/wait.js';
import type { ClusterAccess } from '../cluster.js';
import type { BrokerEvidence, ClusterEvidence, StageCursor, RecordTimestamp } from '../cluster-evidence.js';
import type { LogRecord, TopicPartition } from '../event-log.js';
import type { TopicState } from '../topic-admin.js';
import { alertAccess, mainAccess } from './connection/cluster-access.client.js';
import { fetchApiVersions, clientApiVersions } from './connection/api-versions.client.js';
import { KafkaCluster } from './kafka-cluster.client.js';
import { alertTopics, KafkaTopics, type TopicPlacement, topicPlacement } from './admin/kafka-topics.client.js';
import { messageOf } from '../../shared/error-message.js';

/** Reachability of a slow broker matters here, not readiness. */
const BROKER_TIMEOUT_MS = 10_000;
const CLUSTER_TIMEOUT_MS = 30_000;
/** Maximum number of partitions whose newest record is read. */
const MAX_SAMPLED_PARTITIONS = 12;

/** Examines the configured clusters read-only: creates no group, record or topic. */
export async function probeClusters(config: Config, topics: readonly string[], cursors: readonly StageCursor[]): Promise<ClusterEvidence[]> {
  const clientId = `${config.GROUP_PREFIX}-doctor`;
  const alert = alertAccess(config);
  const accesses = new Map([['main', mainAccess(config)], ...(alert ? ([['alert', alert]] as const) : [])]);
  const own = (name: string) => topics.filter((topic) => (alert && alertTopics.has(topic) ? 'alert' : 'main') === name);
  return Promise.all([...accesses].map(([name, access]) => probeCluster(name, { access, config, clientId, topics: own(name), cursors })));
}

interface ProbeTarget {
  readonly access: ClusterAccess;
  readonly config: Config;
  readonly clientId: string;
  readonly topics: readonly string[];
  readonly cursors: readonly StageCursor[];
}

async function probeCluster(name: string, target: ProbeTarget): Promise<ClusterEvidence> {
  const { access, config, clientId } = target;
  const brokers = await Promise.all(access.brokers.map((address) => probeBroker(address, 'settings', target)));
  const empty = { name, brokers, topics: [], groups: [], committed: [], newest: [], unhandled: [] };
  if (brokers.every(({ problem }) => problem)) return { ...empty, problem: 'none of the bootstrap servers can be used' };
  const cluster = new KafkaCluster(access, clientId, config);
  try {
    return await within(CLUSTER_TIMEOUT_MS, gatherEvidence(name, cluster, target, brokers));
  } catch (error) {
    return { ...empty, problem: messageOf(error) };
  } finally {
    await cluster.close();
  }
}

async function gatherEvidence(
  name: string,
  cluster: KafkaCluster,
  target: ProbeTarget,
  brokers: readonly BrokerEvidence[],
): Promise<ClusterEvidence> {
  const { config, cursors } = target;
  const placement = topicPlacement(config, new Map([[name, cluster]]), () => name);
  const admin = new KafkaTopics(placement, config.TOPIC_REPLICATION);
  const advertised = [...(await cluster.brokers.metadata(target.topics.map(placement.physical))).addresses.values()];
  const others = advertised.filter((address) => !brokers.some((each) => each.address === address));
  const [topics, groups, more] = await Promise.all([
    admin.describe(target.topics),
    admin.groups(),
    Promise.all(others.map((address) => probeBroker(address, 'cluster', target))),
  ]);
  const present = cursors.filter(({ topic }) => topics.some((each) => each.name === topic));
  return {
    name,
    brokers: [...brokers, ...more],
    topics,
    groups,
    committed: await committed(cluster, placement, config, present),
    newest: await newest(cluster, placement, topics),
    unhandled: await unhandled(cluster, placement, topics, present),
  };
}

/** Checks connection, authentication and API versions of a broker. */
async function probeBroker(address: string, known: BrokerEvidence['known'], { access, config, clientId }: ProbeTarget): Promise<BrokerEvidence> {
  const single = new KafkaCluster({ ...access, brokers: [address] }, clientId, config);
  try {
    await within(
      BROKER_TIMEOUT_MS,
      single.checkConnection(),
      () => new TocsinError('T7001', `${address}: request timed out after ${BROKER_TIMEOUT_MS} ms`),
    );
    return { address, known, incompatible: await incompatible(address, access) };
  } catch (error) {
    const problem = error instanceof TocsinError ? { code: error.code, says: error.message } : { code: 'T7001' as const, says: messageOf(error) };
    return { address, known, problem };
  } finally {
    await single.close();
  }
}

async function incompatible(address: string, access: ClusterAccess): Promise<string[]> {
  const supported = new Map((await fetchApiVersions(address, access, BROKER_TIMEOUT_MS)).map((range) => [range.key, range]));
  return clientApiVersions.flatMap(({ name, key, min, max }) => {
    const theirs = supported.get(key);
    // Listeners without SASL do not advertise the SASL APIs.
    if (!theirs) return name.startsWith('Sasl') ? [] : [`${name}: not supported by the broker`];
    return theirs.min > max || theirs.max < min ? [`${name}: broker supports versions ${theirs.min} to ${theirs.max}, client ${min} to ${max}`] : [];
  });
}

async function committed(cluster: KafkaCluster, { physical }: TopicPlacement, { GROUP_PREFIX }: Config, cursors: readonly StageCursor[]) {
  const pairs = new Map(cursors.map(({ group, topic }) => [`${group} ${topic}`, { group, topic }]));
  const answers = await Promise.all(
    [...pairs.values()].map(async ({ group, topic }) =>
      [...(await cluster.groups.committed(`${GROUP_PREFIX}.${group}`, physical(topic)))].map(([partition, offset]) => ({
        stage: group,
        topic,
        partition,
        offset,
      })),
    ),
  );
  return answers.flat();
}

async function newest(cluster: KafkaCluster, placement: TopicPlacement, topics: readonly TopicState[]): Promise<RecordTimestamp[]> {
  const filled = topics.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partition, low, high }) => (low !== null && high !== null && high > low ? [{ topic: name, partition, high }] : [])),
  );
  return timestampsOf(filled.slice(0, MAX_SAMPLED_PARTITIONS).map((at) => ({ at, read: () => recordAt(cluster, placement, at, at.high - 1) })));
}

/** Timestamps of the oldest unprocessed records, per stage and topic at the partition with the largest lag. */
async function unhandled(cluster: KafkaCluster, placement: TopicPlacement, topics: readonly TopicState[], cursors: readonly StageCursor[]) {
  const mostLagging = new Map<string, StageCursor & { lag: number }>();
  for (const cursor of cursors) {
    const at = topics.find(({ name }) => name === cursor.topic)?.partitions.find(({ partition }) => partition === cursor.partition);
    const lag = at && at.high !== null && at.low !== null && cursor.nextOffset >= at.low ? at.high - cursor.nextOffset : 0;
    const key = `${cursor.group} ${cursor.topic}`;
    if (lag > (mostLagging.get(key)?.lag ?? 0)) mostLagging.set(key, { ...cursor, lag });
  }
  return timestampsOf(
    [...mostLagging.values()].map((at) => ({ at: { ...at, stage: at.group }, read: () => recordAt(cluster, placement, at, at.nextOffset) })),
  );
}

async function timestampsOf<T extends TopicPartition>(
  readings: readonly { at: T; read: () => Promise<LogRecord | undefined> }[],
): Promise<(T & RecordTimestamp)[]> {
  const records = await Promise.all(readings.map(async ({ at, read }) => ({ at, record: await read() })));
  return records.flatMap(({ at, record }) => (record ? [{ ...at, timestamp: record.timestamp }] : []));
}

async function recordAt(
  cluster: KafkaCluster,
  { physical }: TopicPlacement,
  { topic, partition }: TopicPartition,
  offset: number,
): Promise<LogRecord | undefined> {
  for await (const slice of cluster.read({ topic: physical(topic), partition }, offset, offset + 1)) if (slice[0]) return slice[0];
  return undefined;
}
