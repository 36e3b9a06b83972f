import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import kafkajs from 'kafkajs';
import mysql from 'mysql2/promise';
import { AccessModule } from '../dist/src/access/access.module.js';
import { plumbing } from '../dist/src/app.module.js';
import { encode } from '../dist/src/access/envelope.js';
import { PublicationService } from '../dist/src/access/publication.service.js';
import { AlertConsumerModule } from '../dist/src/alert/alert.module.js';
import { parseConfig } from '../dist/src/config.js';
import { migrate, openMysql, openSqlite } from '../dist/src/database/connection.client.js';
import { DetectConsumerModule } from '../dist/src/detect/detect.module.js';
import { StrategyService } from '../dist/src/detect/strategy.service.js';
import { parseStrategy } from '../dist/src/detect/strategy.js';
import { configureHttp, createHttpAdapter } from '../dist/src/http/http-server.service.js';
import { ConsumerGroups } from '../dist/src/log/consuming/consumer-groups.service.js';
import { Consumers } from '../dist/src/log/consuming/consumers.service.js';
import { ConsumerWatch } from '../dist/src/log/consuming/consumer-watch.service.js';
import { EventLog } from '../dist/src/log/event-log.js';
import { registerCodecs } from '../dist/src/log/kafka/protocol/codecs.client.js';
import { BackgroundModule } from '../dist/src/runtime/background.module.js';
import { rules } from './rules-role.mjs';
import { sourceRoles } from './source-roles.mjs';
import { alertEvent, event, strategy } from './workload.mjs';

registerCodecs();

/** A stopwatch for one process: wall time and CPU between the first and the last unit. */
class Watch {
  #start;
  #cpu;
  begin() {
    this.#start ??= performance.now();
    this.#cpu ??= process.cpuUsage();
  }
  report(units) {
    const seconds = (performance.now() - this.#start) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    return { rate: units / seconds, cpuMicros: (user + system) / units };
  }
}

const client = (options) =>
  new kafkajs.Kafka({ clientId: 'bench', brokers: options.brokers.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 10 } });

/** R2: kafkajs eachBatch + JSON.parse, nothing else. */
async function bareConsumer(options) {
  const consumer = client(options).consumer({ groupId: `bare-${options.run}`, maxWaitTimeInMs: 250, maxBytesPerPartition: 1048576 });
  await consumer.connect();
  await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
  const watch = new Watch();
  let seen = 0;
  let parsed = 0;
  await new Promise((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        watch.begin();
        for (const { value } of batch.messages) {
          const message = JSON.parse(value.toString());
          parsed += message.events ? message.events.length : 1;
        }
        seen += batch.messages.length;
        if (seen >= options.records) resolve();
        return Promise.resolve();
      },
    });
  });
  const report = watch.report(parsed);
  await consumer.disconnect();
  return report;
}

async function application(options, modules, overrides = JSON.parse(process.env.BENCH_SETTINGS ?? '{}')) {
  const distributed = options.brokers !== undefined;
  const config = {
    ...parseConfig(distributed ? { KAFKA_BROKERS: options.brokers, DATABASE_URL: options.database } : { DATA_DIR: options.folder }),
    TOPIC_PREFIX: options.prefix ?? '',
    GROUP_PREFIX: `bench-${options.run}`,
    INSTANCE_ID: `bench-${options.run}`,
    ...overrides,
    ...options.settings,
  };
  const database = distributed ? await openMysql(options.database, 10) : await openSqlite(join(options.folder, 'tocsin.db'));
  await migrate(database);
  class BenchModule {}
  Module({ imports: [...plumbing({ config, database }), BackgroundModule, ...modules] })(BenchModule);
  const adapter = modules.includes(AccessModule) ? createHttpAdapter(config) : new FastifyAdapter();
  const app = await NestFactory.create(BenchModule, adapter, { logger: ['error'], bodyParser: false });
  const log = app.get(EventLog);
  await log.connect();
  if (!distributed)
    await log.ensureTopics(
      ['raw_events', 'alerts', 'alert_status', 'converged_alerts'].flatMap((name) =>
        [name, `${name}.dlq`].map((each) => ({ name: each, partitions: 1 })),
      ),
    );
  if (modules.includes(AccessModule)) configureHttp(app, config);
  for (const group of app.get(ConsumerGroups).all()) app.connectMicroservice({ strategy: app.get(Consumers).server(group) });
  await app.init();
  return { app, log, database, watch: app.get(ConsumerWatch) };
}

/** Detect alone on a filled topic: parse, fold, publish alerts to the outbox, checkpoint. */
async function detect(options) {
  const { app, watch: progress } = await application(options, [DetectConsumerModule]);
  const watch = new Watch();
  await app.startAllMicroservices();
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const records = [...progress.records].reduce((sum, [, count]) => sum + count, 0);
      if (records > 0) watch.begin();
      if (records >= options.records) {
        clearInterval(timer);
        resolve();
      }
    }, 5);
  });
  return watch.report(options.events);
}

/** R3: mysql2 multi-row upsert of identical rows + one cursor row per transaction. */
async function bareUpsert(options) {
  const connection = await mysql.createConnection({ uri: options.database });
  const columns =
    'alert_id, alert_key, open_key, bk_biz_id, strategy_id, alert_name, status_, severity, dimensions, labels, value_, description, begin_time, latest_time';
  await connection.query('DROP TABLE IF EXISTS bench_alert');
  await connection.query('DROP TABLE IF EXISTS bench_cursor');
  await connection.query(
    `CREATE TABLE bench_alert (alert_id VARCHAR(32) PRIMARY KEY, alert_key VARCHAR(32), open_key VARCHAR(32) UNIQUE, bk_biz_id VARCHAR(128), strategy_id INT,
     alert_name VARCHAR(255), status_ VARCHAR(16), severity INT, dimensions TEXT, labels TEXT, value_ DOUBLE, description TEXT, begin_time BIGINT, latest_time BIGINT, INDEX (begin_time, alert_id))`,
  );
  await connection.query('CREATE TABLE bench_cursor (id INT PRIMARY KEY, next_offset BIGINT)');
  await connection.query('INSERT INTO bench_cursor VALUES (1, 0)');
  const watch = new Watch();
  watch.begin();
  for (let start = 0; start < options.events; start += 500) {
    const rows = Array.from({ length: Math.min(500, options.events - start) }, (_, index) => {
      const e = alertEvent(start + index, 1_700_000_000_000);
      return [
        e.alert_id,
        e.alert_key,
        e.alert_key,
        e.bk_biz_id,
        e.strategy_id,
        e.alert_name,
        e.status,
        e.severity,
        JSON.stringify(e.dimensions),
        JSON.stringify(e.labels),
        e.value,
        e.description,
        e.begin_time,
        e.time,
      ];
    });
    await connection.query('START TRANSACTION');
    await connection.query('UPDATE bench_cursor SET next_offset = ? WHERE id = 1', [start + rows.length]);
    await connection.query(
      `INSERT INTO bench_alert (${columns}) VALUES ? ON DUPLICATE KEY UPDATE status_ = VALUES(status_), severity = VALUES(severity), latest_time = VALUES(latest_time)`,
      [rows],
    );
    await connection.query('COMMIT');
  }
  const report = watch.report(options.events);
  await connection.end();
  return report;
}

/** Alert alone on a filled topic: rows, timeline, state changes to the outbox. */
async function alert(options) {
  const { app, watch: progress } = await application(options, [AlertConsumerModule]);
  const watch = new Watch();
  await app.startAllMicroservices();
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const records = progress.records.get('alert alerts') ?? 0;
      if (records > 0) watch.begin();
      if (records >= options.events) {
        clearInterval(timer);
        resolve();
      }
    }, 5);
  });
  return watch.report(options.events);
}

/** R1: node:http + JSON.parse + kafkajs send with the same batching: one send in flight, idempotent, acks=all, linger, the same compression. */
async function bareHttp(options) {
  const producer = client(options).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const waiting = [];
  let running = false;
  const flush = async () => {
    running = true;
    await new Promise((resolve) => setTimeout(resolve, 10));
    while (waiting.length > 0) {
      const group = waiting.splice(0, 10);
      const messages = group.flatMap(({ events }) => events.map((each) => ({ key: each.bk_biz_id, value: JSON.stringify(each), partition: 0 })));
      await producer.sendBatch({ acks: -1, compression: kafkajs.CompressionTypes.LZ4, topicMessages: [{ topic: options.topic, messages }] });
      for (const { done } of group) done();
    }
    running = false;
  };
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const events = JSON.parse(Buffer.concat(chunks).toString());
      waiting.push({ events, done: () => response.end('{}') });
      if (!running) void flush();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return load(`http://127.0.0.1:${server.address().port}/`, options);
}

async function access(options) {
  const { app } = await application(options, [AccessModule]);
  await app.listen(0, '127.0.0.1');
  return load(`${await app.getUrl()}/api/v1/events`, options);
}

/** The last step of every door alone: events that are text already become records, and are acknowledged; 50 requests under way. */
async function publish(options) {
  const { app } = await application(options, [AccessModule]);
  await app.init();
  const publication = app.get(PublicationService);
  const requests = Array.from({ length: options.events / options.perRequest }, (_, request) =>
    Array.from({ length: options.perRequest }, (_each, index) =>
      encode(event(request * options.perRequest + index, Date.now()), 'bk_biz_id', 1 << 20),
    ),
  );
  await publication.publish('events', requests[0]);
  const watch = new Watch();
  watch.begin();
  const sender = async () => {
    for (let request = requests.pop(); request; request = requests.pop()) await publication.publish('events', request);
  };
  await Promise.all(Array.from({ length: 50 }, sender));
  return watch.report(options.events);
}

/** Waits while the sender (another process) posts to `url`; reports what this process used for it. */
async function load(url, options) {
  const { fork } = await import('node:child_process');
  const sender = fork(new URL('./sender.mjs', import.meta.url), [url, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const watch = new Watch();
  return new Promise((resolve, reject) => {
    sender.on('message', (message) => {
      if (message === 'begin') watch.begin();
      if (message === 'end') resolve(watch.report(options.events));
    });
    sender.on('exit', (code) => code !== 0 && reject(new Error(`the sender ended with ${code}`)));
  });
}

/** R5: append envelopes of the same events to a table, read and parse them again, in one SQLite file with the same durability. */
async function bareSqlite(options) {
  const { default: Sqlite } = await import('better-sqlite3');
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
  const db = new Sqlite(join(folder, 'bare.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE log (topic TEXT, part INTEGER, off INTEGER, value BLOB, PRIMARY KEY (topic, part, off)) WITHOUT ROWID');
  const insert = db.prepare('INSERT INTO log VALUES (?, 0, ?, ?)');
  const read = db.prepare('SELECT value FROM log WHERE topic = ? AND part = 0 AND off >= ? ORDER BY off LIMIT 100');
  const requests = bodies(options);
  const watch = new Watch();
  watch.begin();
  let offset = 0;
  let seen = 0;
  for (const body of requests) {
    const events = JSON.parse(body);
    db.transaction(() => insert.run('raw_events', offset, JSON.stringify({ v: 1, events })))();
    for (const { value } of read.all('raw_events', offset)) seen += JSON.parse(value).events.length;
    offset++;
  }
  const report = watch.report(seen);
  db.close();
  rmSync(folder, { recursive: true });
  return report;
}

export function bodies({ events, perRequest = 100, start = 1_700_000_000_000 }) {
  const all = [];
  for (let from = 0; from < events; from += perRequest) {
    all.push(JSON.stringify(Array.from({ length: Math.min(perRequest, events - from) }, (_, index) => event(from + index, start))));
  }
  return all;
}

/** The embedded pipeline: HTTP in, log, Detect, until everything is folded and committed. */
async function embedded(options) {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
  const { app, watch: progress } = await application({ ...options, folder }, [AccessModule, DetectConsumerModule]);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  await app.get(StrategyService).create(parseStrategy(strategy), { kind: 'system', name: 'bench' }, Date.now());
  const url = `${await app.getUrl()}/api/v1/events`;
  const watch = new Watch();
  watch.begin();
  await load(url, options);
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const behind = [...progress.progress.values()].reduce((sum, { position, highWatermark }) => sum + highWatermark - position, 0);
      if (behind <= 0) {
        clearInterval(timer);
        resolve();
      }
    }, 5);
  });
  const report = watch.report(options.events);
  rmSync(folder, { recursive: true });
  return report;
}

export const roles = { bareConsumer, detect, bareUpsert, alert, bareHttp, access, publish, bareSqlite, embedded, rules, ...sourceRoles };
