/**
 * `node bench/compression.mjs [brokers]`: the five compressions on batches of 1,000 JSON events of about 300 bytes, in this process; with brokers also
 * end to end: records per second that one producer gets confirmed. Needs a built dist. docs/compression.md has the table.
 */
import { randomBytes } from 'node:crypto';
import { parseConfig } from '../dist/src/config.js';
import { compressions } from '../dist/src/log/kafka/protocol/codecs.client.js';
import { kafkaClient } from '../dist/src/log/kafka/connection/kafka-client.client.js';
import { KafkaLog } from '../dist/src/log/kafka/kafka-log.client.js';
import { encodeRecords } from '../dist/src/log/kafka/protocol/record-batch.js';
import { event } from './workload.mjs';

const ROUNDS = 40;
const values = Array.from({ length: 1000 * ROUNDS }, (_, index) => JSON.stringify(event(index * 7, 1_700_000_000_000)));
const sized = values.map((value) => ({ key: '2', value, keyBytes: 1, valueBytes: Buffer.byteLength(value) }));
const batches = Array.from({ length: ROUNDS }, (_, round) => encodeRecords(sized.slice(round * 1000, round * 1000 + 1000)));
const raw = batches.reduce((sum, { length }) => sum + length, 0);

/** By CPU time of this process, threads included, so that a busy machine does not show. */
async function measured(work) {
  const start = process.cpuUsage();
  let bytes = 0;
  for (let round = 0; round < 5; round++) for (const [index, batch] of batches.entries()) bytes += (await work(batch, index)).length;
  const { user, system } = process.cpuUsage(start);
  return { megabytes: (5 * raw) / (user + system), bytes: bytes / 5 };
}

async function endToEnd(brokers, name) {
  const log = new KafkaLog(
    undefined,
    parseConfig({ KAFKA_BROKERS: brokers, DATABASE_URL: 'mysql://unused', KAFKA_COMPRESSION: name, KAFKA_PRODUCERS: '1' }),
  );
  const topic = `bench-${name}-${randomBytes(3).toString('hex')}`;
  const admin = kafkaClient({ brokers: brokers.split(',') }, 'bench').admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
  const records = values.slice(0, 1000).map((value) => ({ key: '2', value, partition: 0 }));
  await log.publish(topic, records);
  const cpu = process.cpuUsage();
  const start = performance.now();
  // Four callers, each with a full batch, so that one waits while another is sent.
  await Promise.all(
    Array.from({ length: 4 }, async (_, caller) => {
      for (let round = caller; round < ROUNDS * 3; round += 4) await log.publish(topic, records);
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  await log.close();
  return { rate: (ROUNDS * 3000) / seconds, micros: (user + system) / (ROUNDS * 3000) };
}

const [brokers] = process.argv.slice(2);
process.stdout.write(
  '| compression | ratio | compress, MB per CPU second | decompress, MB per CPU second | records/s, confirmed | µs CPU a record |\n| --- | --- | --- | --- | --- | --- |\n',
);
for (const [name, { compress, decompress }] of Object.entries(compressions)) {
  await measured(compress);
  const packed = await Promise.all(batches.map((batch) => compress(batch)));
  const squeezed = await measured(compress);
  await measured((_, index) => decompress(packed[index]));
  const restored = await measured((_, index) => decompress(packed[index]));
  const ratio = raw / squeezed.bytes;
  const produced = brokers && (await endToEnd(brokers, name));
  const figure = (value) => (name === 'none' ? '' : Math.round(value));
  process.stdout.write(
    `| ${name} | ${ratio.toFixed(1)} | ${figure(squeezed.megabytes)} | ${figure(restored.megabytes)} | ` +
      `${produced ? Math.round(produced.rate).toLocaleString('en') : ''} | ${produced ? produced.micros.toFixed(2) : ''} |\n`,
  );
}
process.exit(0);
