import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import kafkajs from 'kafkajs';
import { plumbing } from '../dist/src/app.module.js';
import { SourcesModule } from '../dist/src/sources/sources.module.js';
import { SourceReconciler } from '../dist/src/sources/source-reconciler.service.js';
import { SourceService } from '../dist/src/sources/source.service.js';
import { parseConfig } from '../dist/src/config.js';
import { migrate, openMysql } from '../dist/src/database/connection.client.js';
import { parseSource } from '../dist/src/access/registry/source.js';
import { EventLog } from '../dist/src/log/event-log.js';
import { BackgroundModule } from '../dist/src/runtime/background.module.js';

/** Wall time and CPU of this process from the first record to the last. */
function stopwatch() {
  let began;
  let cpu;
  return {
    begin() {
      began ??= performance.now();
      cpu ??= process.cpuUsage();
    },
    report(units) {
      const seconds = (performance.now() - began) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      return { rate: units / seconds, cpuMicros: (user + system) / units };
    },
  };
}

/** A kafkajs eachBatch that hands every batch to sendBatch as it is: no parsing, no checks, no positions. */
async function bareForward({ brokers, from, to, events, run }) {
  const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 10 } });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const consumer = kafka.consumer({ groupId: `bare-forward-${run}`, maxWaitTimeInMs: 250, maxBytesPerPartition: 1048576 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topics: [from], fromBeginning: true });
  const watch = stopwatch();
  let seen = 0;
  await new Promise((resolve) => {
    void consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: async ({ batch, heartbeat }) => {
        watch.begin();
        for (let start = 0; start < batch.messages.length; start += 1000) {
          const messages = batch.messages.slice(start, start + 1000).map(({ key, value }) => ({ key, value, partition: 0 }));
          await producer.sendBatch({ acks: -1, compression: kafkajs.CompressionTypes.Snappy, topicMessages: [{ topic: to, messages }] });
          seen += messages.length;
          await heartbeat();
        }
        if (seen >= events) resolve();
      },
    });
  });
  const report = watch.report(events);
  await Promise.all([consumer.disconnect(), producer.disconnect()]);
  return report;
}

/** A declared source of the same topic, until every event is confirmed and every position stored. */
async function source({ brokers, database: url, prefix, from, events, run }) {
  const config = {
    ...parseConfig({ KAFKA_BROKERS: brokers, DATABASE_URL: url }),
    TOPIC_PREFIX: prefix,
    GROUP_PREFIX: `bench-${run}`,
    INSTANCE_ID: `bench-${run}`,
    SOURCES_COMMIT_MS: 100,
  };
  const database = await openMysql(url, 10);
  await migrate(database);
  class BenchModule {}
  Module({ imports: [...plumbing({ config, database }), BackgroundModule, SourcesModule] })(BenchModule);
  const app = await NestFactory.create(BenchModule, new FastifyAdapter(), { logger: ['error'] });
  await app.get(EventLog).connect();
  await app.init();
  const declared = { name: 'bench', kind: 'kafka', cluster: { brokers: brokers.split(',') }, topics: [from], start: 'earliest' };
  await app.get(SourceService).create(parseSource(declared), { actor: { kind: 'system', name: 'bench' }, now: Date.now() });
  const watch = stopwatch();
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const consumer = app.get(SourceReconciler).running().get('bench')?.consumer;
      if (!consumer) return;
      if (consumer.counts.records > 0) watch.begin();
      if (consumer.states().reduce((sum, { position }) => sum + position, 0) < events) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
  return watch.report(events);
}

export const sourceRoles = { bareForward, source };
