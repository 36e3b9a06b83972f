import { randomBytes } from 'node:crypto';
import type { Admin } from 'kafkajs';
import { parseConfig } from '../../src/config.js';
import { EmbeddedLog } from '../../src/log/embedded/embedded-log.service.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import type { EventLog } from '../../src/log/event-log.js';
import { PublishError } from '../../src/log/publish-error.js';
import { anAdmin, createTopic, deleteTopic } from './foreign-cluster.js';
import { eventually } from './eventually.js';
import { aMysql, aSqlite, type TestDatabase } from './database.js';

export interface TestLog extends TestDatabase {
  readonly eventLog: EventLog;
  /** Another replica: a second log client on the same servers, perhaps with other settings. */
  another(settings?: Readonly<Record<string, string>>): Promise<EventLog>;
  readonly rebalances: boolean;
  /** Deletes the records of partition 0 before `offset`, as retention does. */
  truncate(topic: string, offset: number): Promise<void>;
}

/** The embedded log in a fresh SQLite database. */
export async function anEmbeddedLog(driver: 'better-sqlite3' | 'libsql' = 'better-sqlite3'): Promise<TestLog> {
  const { database, close } = await aSqlite(driver);
  const log = new EmbeddedLog(database, parseConfig({}));
  await log.connect();
  return {
    eventLog: log,
    database,
    rebalances: false,
    another: () => Promise.reject(new Error('the embedded log has one process')),
    truncate: async (topic, offset) => {
      await database.writer.query('DELETE FROM log_record WHERE topic = ? AND record_offset < ?', [topic, offset]);
      await database.writer.query('UPDATE log_partition SET low = ? WHERE topic = ?', [offset, topic]);
    },
    close: async () => {
      await log.close();
      await close();
    },
  };
}

export interface TestKafkaLog extends TestLog {
  /** Of its schema. */
  readonly url: string;
  /** Deletes a topic, and makes it anew with one partition. */
  recreate(topic: string): Promise<void>;
}

/** Kafka at KAFKA_BROKERS, with topics and groups of its own. */
export async function aKafkaLog(settings: Readonly<Record<string, string>> = {}): Promise<TestKafkaLog> {
  const { database, url, close } = await aMysql();
  const prefix = `t${randomBytes(4).toString('hex')}.`;
  const config = (instance: string, own: Readonly<Record<string, string>>) =>
    parseConfig({
      KAFKA_BROKERS: process.env['KAFKA_BROKERS'],
      DATABASE_URL: process.env['DATABASE_URL'],
      TOPIC_PREFIX: prefix,
      GROUP_PREFIX: prefix,
      INSTANCE_ID: instance,
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      KAFKA_HEARTBEAT_INTERVAL_MS: '500',
      ...settings,
      ...own,
    });
  const logs: EventLog[] = [];
  const open = async (own: Readonly<Record<string, string>> = {}): Promise<EventLog> => {
    const log = new KafkaLog(database, config(`instance-${logs.length}`, own));
    logs.push(log);
    await log.connect();
    return log;
  };
  return {
    eventLog: await open(),
    database,
    url,
    rebalances: true,
    another: open,
    truncate: (topic, offset) =>
      administer(async (admin) => {
        // kafkajs finds the leader only in metadata that it has loaded before.
        await admin.fetchTopicOffsets(prefix + topic);
        await admin.deleteTopicRecords({ topic: prefix + topic, partitions: [{ partition: 0, offset: String(offset) }] });
      }),
    recreate: (topic) =>
      administer(async (admin) => {
        await deleteTopic(admin, prefix + topic);
        await eventually(() => createTopic(admin, { topic: prefix + topic, numPartitions: 1 }), 'the topic to be made anew');
      }),
    close: async () => {
      await Promise.all(logs.map((log) => log.close()));
      await close();
    },
  };
}

async function administer(work: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = anAdmin({ brokers: process.env['KAFKA_BROKERS']!.split(',') });
  try {
    await admin.connect();
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Waits until a topic takes a record of so many bytes, which stays there: a broker tells of a setting a moment before it goes by it. */
export function takes(log: EventLog, topic: string, bytes: number): Promise<void> {
  const notYet = (error: unknown): false => {
    if (!(error instanceof PublishError)) throw error;
    return false;
  };
  const value = randomBytes(bytes / 2).toString('hex');
  return eventually(() => log.publish(topic, [{ key: null, value }]).then(() => true, notYet), `${topic} takes ${bytes} bytes`);
}

/** The logs that the contract suite runs on; settings are for Kafka, where KAFKA_BROKERS and DATABASE_URL name servers: the test script sees to it. */
export const logs: [string, (settings?: Readonly<Record<string, string>>) => Promise<TestLog>][] = [
  ['embedded, better-sqlite3', () => anEmbeddedLog('better-sqlite3')],
  ['embedded, libsql', () => anEmbeddedLog('libsql')],
  ...(process.env['KAFKA_BROKERS'] ? [['Kafka', aKafkaLog] as [string, typeof aKafkaLog]] : []),
];
