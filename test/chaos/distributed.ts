import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { parseConfig } from '../../src/config.js';
import { openMysql } from '../../src/database/connection.client.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { topics } from '../../src/topics.js';
import { Feeds } from './feeds.js';
import { type Installation, type InstallationOptions, settings } from './installation.js';
import { Replica } from './replica.js';

export interface DistributedOptions extends InstallationOptions {
  /** As the settings KAFKA_BROKERS and DATABASE_URL. */
  readonly brokers: string;
  readonly databaseUrl: string;
  readonly replicas: number;
  /** Other settings than those of every crash test. */
  readonly more?: Readonly<Record<string, string>>;
}

/** Replicas with topics, groups and a database of their own on real servers. */
export async function distributed({ binary, folder, brokers, databaseUrl, replicas: count, more }: DistributedOptions): Promise<Installation> {
  const name = `chaos_${process.pid}_${randomBytes(3).toString('hex')}`;
  const dropDatabase = await createDatabase(databaseUrl, name);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  const env = {
    ...settings,
    KAFKA_BROKERS: brokers,
    DATABASE_URL: url.href,
    TOPIC_PREFIX: `${name}.`,
    GROUP_PREFIX: name,
    TOPIC_PARTITIONS: '6',
    // The least that a broker grants unless it is told otherwise.
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    KAFKA_HEARTBEAT_INTERVAL_MS: '500',
    KAFKA_FETCH_MAX_WAIT_MS: '100',
    ...more,
  };
  const replicas = Array.from({ length: count }, (_, index) => {
    const replica = `replica-${index + 1}`;
    return new Replica(replica, { binary, env: { ...env, INSTANCE_ID: replica }, logFile: join(folder, `${replica}.log`) });
  });
  const database = await openMysql(url.href, 4);
  const log = new KafkaLog(database, parseConfig({ ...env, INSTANCE_ID: 'onlooker' }));
  await log.connect();
  const feeds = new Feeds(brokers.split(','), `${name}.foreign_`);
  await feeds.open();
  return {
    mode: 'distributed',
    replicas,
    feeds,
    publish: (record) => log.publish(topics.rawEvents.name, [record]),
    whileDead: () => Promise.resolve(),
    inspect: (work) => work({ database, eventLog: log, feeds }),
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.close()));
      await feeds.close();
      await log.close();
      await database.close();
      await dropDatabase();
      await deleteTopics(brokers.split(','), name);
    },
  };
}

/** Answers the function that drops it. */
async function createDatabase(databaseUrl: string, name: string): Promise<() => Promise<void>> {
  const admin = await openMysql(databaseUrl, 1);
  await admin.writer.query(`CREATE DATABASE ${name}`);
  return async () => {
    await admin.writer.query(`DROP DATABASE ${name}`);
    await admin.close();
  };
}

async function deleteTopics(brokers: string[], name: string): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const all = await admin.listTopics();
    await admin.deleteTopics({ topics: all.filter((topic) => topic.startsWith(`${name}.`)) });
  } finally {
    await admin.disconnect();
  }
}
