import { setTimeout as pause } from 'node:timers/promises';
import { type Config, parseConfig } from '../../src/config.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { diagnose, verdictOf } from '../../src/ops/doctor/doctor.js';
import { examine } from '../../src/ops/doctor/examine.service.js';
import type { Finding } from '../../src/ops/doctor/finding.js';
import { deadLetterTopic, topics as contract } from '../../src/topics.js';
import { eventually } from '../support/eventually.js';
import { KafkaProxy, METADATA } from '../support/kafka-proxy.js';
import { aKafkaLog, type TestKafkaLog } from '../support/logs.js';
import { aTocsin } from '../support/tocsin.js';

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';
const names = Object.values(contract).flatMap(({ name }) => [name, deadLetterTopic(name)]);
const troubles = (findings: readonly Finding[]): string[] =>
  findings.filter(({ verdict }) => verdict !== 'ok').map(({ code, verdict }) => `${code} ${verdict}`);
const about = (findings: readonly Finding[], code: string): Finding => findings.find((each) => each.code === code && each.verdict !== 'ok')!;

describe('the doctor on real servers', () => {
  let test: TestKafkaLog;
  let base: Record<string, string>;
  beforeAll(async () => {
    const prefix = `doctor${process.pid}.`;
    test = await aKafkaLog({ TOPIC_PREFIX: prefix, GROUP_PREFIX: 'doctor' });
    base = {
      KAFKA_BROKERS: process.env['KAFKA_BROKERS']!,
      DATABASE_URL: test.url,
      TOPIC_PREFIX: prefix,
      GROUP_PREFIX: 'doctor',
      HTTP_PORT: '65535',
    };
    await test.eventLog.ensureTopics(names.map((name) => ({ name, partitions: 2 })));
  });
  afterAll(() => test.close());
  const config = (more: Record<string, string> = {}): Config => parseConfig({ ...base, ...more });
  const findings = async (more: Record<string, string> = {}): Promise<Finding[]> => diagnose(await examine(config(more)));

  it('finds nothing to fail on a good installation without a server (O9)', async () => {
    const found = await findings();
    expect(found.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining(['kafka.main.versions', 'database.schema', 'topics.present', 'clock']));
  });

  it('finds topics that are set up wrongly, each with what to type (O9)', async () => {
    await test.eventLog.topics.configure('alerts', { 'min.insync.replicas': '2', 'retention.ms': '60000' });
    await test.eventLog.topics.configure('raw_events', { 'max.message.bytes': '1000', 'cleanup.policy': 'compact' });
    await test.eventLog.topics.grow('alert_status', 3);
    const found = await findings();
    expect(troubles(found)).toEqual(expect.arrayContaining(['T5018 fail', 'T5019 fail', 'T5021 warn', 'T5022 fail', 'T5023 fail']));
    expect(verdictOf(found)).toBe('fail');
    expect(about(found, 'T5019')).toMatchObject({
      evidence: expect.stringContaining('alerts 2 of 1') as string,
      remedy: expect.stringContaining('--min-insync 1') as string,
    });
    expect(about(found, 'T5018').remedy).toBe('tocsin topics grow alert_status.dlq --partitions 3');
    expect(about(found, 'T5021').evidence).toContain('alerts 1 min');
    await test.eventLog.topics.configure('alerts', { 'min.insync.replicas': '1', 'retention.ms': '259200000' });
    await test.eventLog.topics.configure('raw_events', { 'max.message.bytes': '1048588', 'cleanup.policy': 'delete' });
    await test.eventLog.topics.grow('alert_status.dlq', 3);
    expect(verdictOf(await findings())).not.toBe('fail');
  });

  it('compares cursors with the log and with committed offsets (O9)', async () => {
    const cursors = new CursorRepository(test.database, config());
    await test.eventLog.publish(
      'alerts',
      Array.from({ length: 10 }, (_, index) => ({ key: `k${index}`, value: '{}', partition: 0 })),
    );
    await cursors.claim('alert', { topic: 'alerts', partition: 0 }, 1, 4, 1);
    await cursors.claim('alert', { topic: 'alerts', partition: 1 }, 1, 77, Date.now());
    await test.eventLog.setCommitted('alert', 'alerts', new Map([[0, 9]]));
    const found = await findings();
    expect(about(found, 'T5026').evidence).toBe(
      'alert alerts/1: the cursor is at 77, but the log ends at 0; the topic was recreated, or the broker lost records',
    );
    expect(about(found, 'T5027').evidence).toContain('alert alerts/0 9 > 4');
    expect(about(found, 'T5029').evidence).toContain('alert alerts/0 (owner');
    expect(about(found, 'T5025')).toMatchObject({ verdict: 'warn', evidence: 'no active members in doctor.alert' });
    await test.database.transaction(() => test.database.execute('DELETE FROM stream_cursor'));
  });

  it('reports which broker is down, and continues with the others (O9)', async () => {
    const one = await findings({ KAFKA_BROKERS: `${NOWHERE},${base['KAFKA_BROKERS']}` });
    expect(about(one, 'T5014')).toMatchObject({ verdict: 'warn', evidence: expect.stringContaining(NOWHERE) as string });
    expect(one.some(({ check }) => check === 'topics.present')).toBe(true);
    const all = await findings({ KAFKA_BROKERS: NOWHERE });
    expect(about(all, 'T5014')).toMatchObject({ verdict: 'fail', remedy: expect.stringContaining('correct KAFKA_BROKERS') as string });
    expect(all.find(({ check }) => check === 'database.reachable')?.verdict).toBe('ok');
  });

  it('gives a slow broker more time than a readiness check does (O9)', async () => {
    const [host, port] = base['KAFKA_BROKERS']!.split(',')[0]!.split(':');
    const proxy = new KafkaProxy(Number(port));
    const slow = `${host}:${await proxy.listen()}`;
    proxy.hold(METADATA);
    const looking = findings({ KAFKA_BROKERS: slow });
    await eventually(() => proxy.held > 0, 'the doctor asks');
    await pause(2000);
    proxy.release();
    const found = await looking;
    proxy.close();
    expect(found.find(({ check }) => check === 'kafka.main.brokers')).toMatchObject({ verdict: 'ok' });
  });

  it('distinguishes failed authentication and a TLS mismatch from a broker that is down (O9)', async () => {
    const login = await findings({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'ann', KAFKA_SASL_PASSWORD: 'hush-hush' });
    expect(about(login, 'T5015')).toMatchObject({ verdict: 'fail', remedy: expect.stringContaining('KAFKA_SASL_MECHANISM') as string });
    expect(troubles(login)).not.toContain('T5014 fail');
    expect(JSON.stringify(login)).not.toContain('hush-hush');
    const tls = await findings({ KAFKA_TLS: 'true' });
    expect(about(tls, 'T5015').remedy).toContain('KAFKA_TLS');
  });

  it('says what is wrong with the database: password, place, name; never the password (O9)', async () => {
    const at = (change: (url: URL) => void): Promise<Finding[]> => {
      const url = new URL(base['DATABASE_URL']!);
      change(url);
      return findings({ DATABASE_URL: url.href });
    };
    const password = await at((url) => (url.password = 'hush-hush'));
    expect(about(password, 'T5031').remedy).toContain('check user and password in DATABASE_URL');
    expect(JSON.stringify(password)).not.toContain('hush-hush');
    expect(about(await at((url) => (url.port = '1')), 'T5031').remedy).toContain('start the database');
    const name = about(await at((url) => (url.pathname = '/no_such_database')), 'T5031');
    expect(name.verdict).toBe('fail');
    // What the brokers say is found all the same.
    expect(password.find(({ check }) => check === 'kafka.main.brokers')?.verdict).toBe('ok');
  });

  it('finds messages that wait to be published, and a partition that people have paused (O9)', async () => {
    await test.database.transaction(async () => {
      await test.database.insert('outbox', ['ordering_key', 'parcel', 'created_at'], [['nobody', Buffer.from([]), Date.now() - 3_600_000]]);
      await test.database.execute(
        "INSERT INTO partition_pause (consumer_group, topic, partition_no, kind, why, paused_by, paused_at) VALUES ('alert', 'alerts', 0, 'paused', 'maintenance', 'ann', 1)",
      );
    });
    const found = await findings();
    expect(about(found, 'T5030').evidence).toMatch(/1 outbox rows pending, the oldest for 36\d\d s/);
    expect(about(found, 'T5028').evidence).toBe('alert alerts/0 is paused: maintenance (ann)');
    await test.database.transaction(async () => {
      await test.database.execute('DELETE FROM outbox');
      await test.database.execute('DELETE FROM partition_pause');
    });
  });
});

it('the doctor looks at an embedded installation while its server runs, and after (O9)', async () => {
  const tocsin = await aTocsin();
  const running = new URL(tocsin.running.url);
  const config = parseConfig({ DATA_DIR: tocsin.folder, HTTP_PORT: running.port });
  const found = diagnose(await examine(config));
  expect(found.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(found.find(({ check }) => check === 'server.ready')?.evidence).toContain('is ready');
  expect(found.find(({ check }) => check === 'embedded.folder')?.evidence).toContain('in use by a process');
  const elsewhere = diagnose(await examine({ ...config, HTTP_PORT: 65_535 }));
  expect(about(elsewhere, 'T5037').remedy).toContain('HTTP_PORT');
  await tocsin.close();
});
