import { randomBytes } from 'node:crypto';
import type { Admin, ITopicConfig, Kafka, Producer } from 'kafkajs';
import { type Config, parseConfig } from '../../src/config.js';
import type { ClusterAccess } from '../../src/log/cluster.js';
import { kafkaClient } from '../../src/log/kafka/connection/kafka-client.client.js';
import { KafkaClusters } from '../../src/log/kafka/kafka-clusters.service.js';
import type { LogRecord } from '../../src/log/event-log.js';
import { eventually } from './eventually.js';

/** What other people do on their cluster. */
export class ForeignCluster {
  readonly kafka: Kafka;
  #admin: Promise<Admin> | undefined;
  #producer: Promise<Producer> | undefined;

  constructor(readonly access: ClusterAccess) {
    this.kafka = kafkaClient(access, 'other-people');
  }

  /** One connection for all questions. */
  admin(): Promise<Admin> {
    return (this.#admin ??= connected(anAdmin(this.access)));
  }

  /** kafkajs remembers topics that are gone, and then does nothing any more, and does not see new partitions for a while: begin anew. */
  async reconnect(): Promise<void> {
    await this.close();
    this.#admin = undefined;
    this.#producer = undefined;
  }

  async aTopic(partitions = 1, name = `t${randomBytes(4).toString('hex')}`, replicationFactor = 1): Promise<string> {
    await createTopic(await this.admin(), { topic: name, numPartitions: partitions, replicationFactor });
    return name;
  }

  async deleteTopic(topic: string): Promise<void> {
    await deleteTopic(await this.admin(), topic);
    await this.reconnect();
  }

  /** Adds partitions and waits until they have leaders: kafkajs drops without a word what is sent to one that it does not know. */
  async grow(topic: string, partitions: number): Promise<void> {
    const admin = await this.admin();
    await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
    await eventually(() => isLed(admin, topic, partitions), `${partitions} partitions of ${topic}`);
    await this.reconnect();
  }

  async send(topic: string, values: readonly string[], partition = 0, timestamp?: number): Promise<void> {
    this.#producer ??= connected(this.kafka.producer({ allowAutoTopicCreation: false }));
    const stamp = timestamp === undefined ? {} : { timestamp: String(timestamp) };
    await (await this.#producer).send({ topic, messages: values.map((value) => ({ value, partition, ...stamp })) });
  }

  /** Deletes the records before `offset`, as retention does. */
  async truncate(topic: string, offset: number, partition = 0): Promise<void> {
    const admin = await this.admin();
    // kafkajs finds the leader only in metadata that it has loaded before.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  }

  async close(): Promise<void> {
    await (await this.#producer?.catch(() => undefined))?.disconnect();
    await (await this.#admin?.catch(() => undefined))?.disconnect();
  }
}

/** What a broker says until it has heard of all that it leads; kafkajs gives up at the first. */
const PASSING: ReadonlySet<unknown> = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** An admin client that asks patiently. */
export function anAdmin(access: ClusterAccess): Admin {
  const admin = kafkaClient(access, 'other-people').admin();
  const patiently =
    <Asked extends unknown[], T>(ask: (...asked: Asked) => Promise<T>) =>
    async (...asked: Asked): Promise<T> => {
      let answer: T | undefined;
      const passing = (error: unknown): boolean => {
        if (!PASSING.has((error as { type?: unknown }).type)) throw error;
        return false;
      };
      const asking = (): Promise<boolean> => ask(...asked).then((found) => ((answer = found), true), passing);
      await eventually(asking, 'the broker to settle');
      return answer!;
    };
  return {
    ...admin,
    fetchTopicOffsets: patiently((topic: string) => admin.fetchTopicOffsets(topic)),
    fetchOffsets: patiently((options: Parameters<Admin['fetchOffsets']>[0]) => admin.fetchOffsets(options)),
    listGroups: patiently(() => admin.listGroups()),
    describeGroups: patiently((groups: string[]) => admin.describeGroups(groups)),
  };
}

/** Creates a topic and waits until the broker tells of its leaders, for one that it has not heard of yet fails whoever uses it. False: it was there. */
export async function createTopic(admin: Admin, wanted: ITopicConfig): Promise<boolean> {
  const isNew = await admin.createTopics({ waitForLeaders: false, topics: [wanted] });
  const notYet = (error: unknown): boolean => {
    if ((error as { type?: string }).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
    return false;
  };
  await eventually(() => isLed(admin, wanted.topic).catch(notYet), `leaders of ${wanted.topic}`);
  return isNew;
}

/** Deletes a topic and waits until the broker has heard of it: what is sent before goes into the old one. */
export async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  await eventually(async () => !(await admin.listTopics()).includes(topic), `${topic} to be gone`);
}

async function isLed(admin: Admin, topic: string, least = 1): Promise<boolean> {
  const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
  return found!.partitions.length >= least && found!.partitions.every(({ leader }) => leader >= 0);
}

async function connected<T extends { connect(): Promise<void> }>(client: T): Promise<T> {
  await client.connect();
  return client;
}

/** Opens clusters with times for tests. */
export function testClusters(settings: Record<string, string> = {}): { clusters: KafkaClusters; config: Config } {
  const config = parseConfig({
    KAFKA_METADATA_MAX_AGE_MS: '300',
    KAFKA_RECONNECT_BACKOFF_MAX_MS: '1000',
    KAFKA_FETCH_MAX_WAIT_MS: '200',
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    KAFKA_HEARTBEAT_INTERVAL_MS: '500',
    ...settings,
  });
  return { clusters: new KafkaClusters(config), config };
}

export async function collected(slices: AsyncIterable<readonly LogRecord[]>): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for await (const slice of slices) all.push(...slice);
  return all;
}
