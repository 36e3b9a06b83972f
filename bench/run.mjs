/**
 * `npm run bench [-- detect rules alert access embedded source] [--pairs N] [--scale F]`: every figure is a ratio to a bare reference in the same run.
 * Needs a built dist; starts its own Kafka and MariaDB unless KAFKA_BROKERS and DATABASE_URL are given.
 */
import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import mysql from 'mysql2/promise';
import { servers } from '../test/support/servers/servers.mjs';
import { median, paired, run } from './measure.mjs';
import { alertEvent, event, strategy } from './workload.mjs';

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = snappy;

const arguments_ = process.argv.slice(2);
const option = (name, byDefault) => (arguments_.includes(name) ? Number(arguments_[arguments_.indexOf(name) + 1]) : byDefault);
const names = ['detect', 'rules', 'alert', 'access', 'embedded', 'source'];
const chosen = names.filter((name) => arguments_.includes(name));
const wanted = chosen.length > 0 ? chosen : names;
const pairs = option('--pairs', 5);
const scale = option('--scale', 1);
const started = await servers({ kafka: true, mysql: true });
const kafka = new kafkajs.Kafka({ clientId: 'bench', brokers: started.kafkaBrokers.split(','), logLevel: kafkajs.logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();

const aPrefix = () => `b${randomBytes(3).toString('hex')}.`;

async function topicsWith(prefix, partitions = 1) {
  const all = ['raw_events', 'alerts', 'alert_status', 'converged_alerts'].flatMap((name) => [name, `${name}.dlq`]);
  await admin.createTopics({ waitForLeaders: true, topics: all.map((name) => ({ topic: prefix + name, numPartitions: partitions })) });
}

async function fill(topic, records, partitions = 1) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let batch = [];
  let bytes = 0;
  let count = 0;
  const send = () => producer.send({ topic, compression: kafkajs.CompressionTypes.Snappy, messages: batch });
  for (const value of records) {
    batch.push({ key: '2', value, partition: count++ % partitions });
    bytes += value.length;
    if (batch.length === 1000 || bytes > 500_000) {
      await send();
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) await send();
  await producer.disconnect();
}

async function aDatabase() {
  const name = `bench_${randomBytes(3).toString('hex')}`;
  const connection = await mysql.createConnection({ uri: started.databaseUrl });
  await connection.query(`CREATE DATABASE ${name}`);
  await connection.end();
  const url = new URL(started.databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** A database with the strategy of the workload, as version 1 of the rules. */
async function aDatabaseWithStrategy() {
  const database = await aDatabase();
  const { migrate, openMysql } = await import('../dist/src/database/connection.client.js');
  const { StrategyRepository } = await import('../dist/src/detect/strategy.repository.js');
  const { parseStrategy } = await import('../dist/src/detect/strategy.js');
  const opened = await openMysql(database, 2);
  await migrate(opened);
  await new StrategyRepository(opened).create(parseStrategy(strategy), 'bench', Date.now());
  await opened.close();
  return database;
}

function* lines(count, make) {
  for (let index = 0; index < count; index++) yield JSON.stringify(make(index));
}

function* rawEvents(count, perRecord) {
  const start = 1_700_000_000_000;
  yield JSON.stringify({
    event_id: 't',
    event_type: 'tick',
    bk_biz_id: '0',
    event_source: 'tocsin',
    timestamp: Date.now(),
    raw_data: { rules_version: 1 },
  });
  for (let index = 0; index < count; index += perRecord) {
    if (perRecord === 1) yield JSON.stringify(event(index, start));
    else yield JSON.stringify({ v: 1, events: Array.from({ length: perRecord }, (_, each) => event(index + each, start)) });
  }
}

async function benchDetect(perRecord) {
  const events = Math.round(600_000 * scale);
  const prefix = aPrefix();
  await topicsWith(prefix);
  await fill(`${prefix}raw_events`, rawEvents(events, perRecord));
  const records = Math.ceil(events / perRecord) + 1;
  const common = { brokers: started.kafkaBrokers, prefix, records, events };
  await paired(
    `(a) Detect, 100k series, ${perRecord === 1 ? 'plain records' : `envelopes of ${perRecord}`}, against kafkajs eachBatch + JSON.parse`,
    pairs,
    async (pair) => run('detect', { ...common, database: await aDatabaseWithStrategy(), run: `${prefix}${pair}` }),
    (pair) => run('bareConsumer', { ...common, topic: `${prefix}raw_events`, run: `${prefix}${pair}` }),
  );
}

async function benchRules() {
  const options = { strategies: 10_000, partitions: 12, seen: 10, count: Math.round(40 * scale) };
  const { heap, firstTurn, figures } = await run('rules', { ...options, database: await aDatabase() });
  process.stdout.write(
    `(f) 10,000 strategies, 12 partitions in one process, events of 10\n  heap ${heap.toFixed(1)} MB, longest turn of the event loop while they load ${firstTurn.toFixed(1)} ms\n`,
  );
  for (const [title, { busy, turns }] of Object.entries(figures)) {
    const figure = (each) => `${median(each).toFixed(2)} ms (at most ${Math.max(...each).toFixed(2)})`;
    process.stdout.write(`  ${title}: event loop busy for ${figure(busy)}, longest turn ${figure(turns)}\n`);
  }
}

async function benchAlert() {
  const events = Math.round(50_000 * scale);
  const prefix = aPrefix();
  // Four partitions, as a deployment has several; the reference is one connection that never waits for anything but its own statements.
  await topicsWith(prefix, 4);
  await fill(
    `${prefix}alerts`,
    lines(events, (index) => alertEvent(index, 1_700_000_000_000)),
    4,
  );
  await paired(
    '(b) Alert transitions (row, timeline, outbox) against a mysql2 multi-row upsert',
    pairs,
    async (pair) => run('alert', { brokers: started.kafkaBrokers, database: await aDatabase(), prefix, events, run: `${prefix}${pair}` }),
    async () => run('bareUpsert', { database: await aDatabase(), events }),
  );
}

async function benchAccess() {
  const events = Math.round(600_000 * scale);
  const prefix = aPrefix();
  await topicsWith(prefix);
  const database = await aDatabaseWithStrategy();
  const common = { brokers: started.kafkaBrokers, database, prefix, events, perRequest: 100 };
  const plain = { ENVELOPE_EVENTS: 1 };
  await paired(
    '(c) Access, HTTP to acknowledged, 100 events a request, each a record of its own, against node:http + JSON.parse + kafkajs send',
    pairs,
    (pair) => run('access', { ...common, settings: plain, run: `${prefix}${pair}` }),
    () => run('bareHttp', { ...common, topic: `${prefix}raw_events` }),
  );
  await paired(
    '(c) Access, envelopes as they are by default, against plain records',
    pairs,
    (pair) => run('access', { ...common, run: `${prefix}e${pair}` }),
    (pair) => run('access', { ...common, settings: plain, run: `${prefix}p${pair}` }),
  );
  await paired(
    '(c) Access, envelopes as they are by default, against node:http + JSON.parse + kafkajs send of plain records',
    pairs,
    (pair) => run('access', { ...common, run: `${prefix}f${pair}` }),
    () => run('bareHttp', { ...common, topic: `${prefix}raw_events` }),
  );
  await paired(
    '(c) The step into the log alone, envelopes as they are by default, against plain records',
    pairs,
    (pair) => run('publish', { ...common, run: `${prefix}g${pair}` }),
    (pair) => run('publish', { ...common, settings: plain, run: `${prefix}h${pair}` }),
  );
}

async function benchEmbedded() {
  const events = Math.round(200_000 * scale);
  await paired(
    '(d) the embedded pipeline, HTTP to folded, against SQLite append + read + JSON.parse',
    pairs,
    (pair) => run('embedded', { events, perRequest: 100, run: `embedded-${pair}` }),
    () => run('bareSqlite', { events, perRequest: 100 }),
  );
}

async function benchSource() {
  const events = Math.round(200_000 * scale);
  const partitions = 4;
  const prefix = aPrefix();
  await topicsWith(prefix);
  const from = `${prefix}foreign`;
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: from, numPartitions: partitions }] });
  await fill(
    from,
    lines(events, (index) => event(index, Date.now())),
    partitions,
  );
  const common = { brokers: started.kafkaBrokers, prefix, from, to: `${prefix}raw_events`, events };
  await paired(
    '(e) a source of Kafka to raw_events, acknowledged and its positions stored, against kafkajs eachBatch + sendBatch',
    pairs,
    async (pair) => run('source', { ...common, database: await aDatabase(), run: `${prefix}${pair}` }),
    (pair) => run('bareForward', { ...common, run: `${prefix}${pair}` }),
  );
}

try {
  if (wanted.includes('detect')) {
    await benchDetect(1);
    await benchDetect(100);
  }
  if (wanted.includes('rules')) await benchRules();
  if (wanted.includes('alert')) await benchAlert();
  if (wanted.includes('access')) await benchAccess();
  if (wanted.includes('embedded')) await benchEmbedded();
  if (wanted.includes('source')) await benchSource();
} finally {
  await admin.disconnect();
  await started.stop();
}
process.exit(0);
