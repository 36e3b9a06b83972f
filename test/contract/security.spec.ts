import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { parseConfig } from '../../src/config.js';
import type { ClusterAccess } from '../../src/log/cluster.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import { diagnose } from '../../src/ops/doctor/doctor.js';
import { examine } from '../../src/ops/doctor/examine.service.js';
import type { Finding } from '../../src/ops/doctor/finding.js';
import { aMysql } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { collected, ForeignCluster, testClusters } from '../support/foreign-cluster.js';
import { RecordingListener } from '../support/recording-listener.js';
import { SERVER_NAME, startSecureKafka, USER } from '../support/servers/secure-kafka.mjs';

type SecureKafka = Awaited<ReturnType<typeof startSecureKafka>>;

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

describe('clusters with authentication', () => {
  const { clusters } = testClusters();
  const logged: string[] = [];
  let kafka: SecureKafka;
  beforeAll(async () => {
    kafka = await startSecureKafka();
    const note = (...parts: unknown[]): void => void logged.push(parts.map(String).join(' '));
    Logger.overrideLogger({ log: note, warn: note, error: note, debug: note, verbose: note, fatal: note });
  });
  afterAll(async () => {
    Logger.overrideLogger(['error', 'warn', 'log']);
    await clusters.onApplicationShutdown();
    await kafka.stop();
  });

  const pem = (name: string): string => readFileSync(join(kafka.pems, name), 'utf8');
  const trust = () => ({ ca: pem('ca.pem'), serverName: SERVER_NAME });
  const login = (mechanism: (typeof mechanisms)[number]) => ({ mechanism, ...USER });

  /** Everything that needs connections of its own: questions, records out, a group member, partitions without a group. */
  async function expectEverythingWorks(access: ClusterAccess): Promise<void> {
    const others = new ForeignCluster(access);
    const topic = await others.aTopic();
    await others.send(topic, ['hello']);
    await others.close();
    const cluster = clusters.open(access, 'guest');
    expect((await cluster.topics()).get(topic)).toBe(1);
    // Only now: a first connection may take longer than a readiness check waits.
    await cluster.ping();
    expect((await collected(cluster.read({ topic, partition: 0 }, 0, 9))).map(({ value }) => String(value))).toEqual(['hello']);
    const [member, reader] = [new RecordingListener(), new RecordingListener()];
    cluster.subscribe({ group: `group-${topic}`, topics: [topic], maxRecords: 10, listener: member });
    cluster.assign({ group: 'none', partitions: [{ topic, partition: 0 }], maxRecords: 10, listener: reader });
    await Promise.all([member.received(1), reader.received(1)]);
    await cluster.close();
  }

  it.each(mechanisms)('SASL %s lets us in, with and without TLS (P8)', async (mechanism) => {
    await Promise.all([
      expectEverythingWorks({ brokers: [kafka.sasl], sasl: login(mechanism) }),
      expectEverythingWorks({ brokers: [kafka.saslTls], tls: trust(), sasl: login(mechanism) }),
    ]);
  });

  it('a client certificate lets us in (P8)', async () => {
    await expectEverythingWorks({ brokers: [kafka.tls], tls: { ...trust(), cert: pem('client.pem'), key: pem('client-key.pem') } });
  });

  it("the log's own cluster is reached by its settings, and so is that of the alerts (P8)", async () => {
    const { database, close } = await aMysql();
    const path = (name: string): string => join(kafka.pems, name);
    const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'opens-the-key' } as const;
    writeFileSync(path('locked-key.pem'), createPrivateKey(pem('client-key.pem')).export(locked));
    const log = new KafkaLog(
      database,
      parseConfig({
        DATABASE_URL: process.env['DATABASE_URL'],
        TOPIC_PREFIX: `secure-${process.pid}.`,
        KAFKA_BROKERS: kafka.saslTls,
        KAFKA_TLS: 'true',
        KAFKA_TLS_CA_FILE: path('ca.pem'),
        KAFKA_TLS_SERVER_NAME: SERVER_NAME,
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: USER.username,
        KAFKA_SASL_PASSWORD: USER.password,
        ALERT_KAFKA_BROKERS: kafka.tls,
        ALERT_KAFKA_TLS: 'true',
        ALERT_KAFKA_TLS_CA_FILE: path('ca.pem'),
        ALERT_KAFKA_TLS_CERT_FILE: path('client.pem'),
        ALERT_KAFKA_TLS_KEY_FILE: path('locked-key.pem'),
        ALERT_KAFKA_TLS_KEY_PASSPHRASE: locked.passphrase,
        ALERT_KAFKA_TLS_SERVER_NAME: SERVER_NAME,
      }),
    );
    await log.connect();
    const listener = new RecordingListener();
    for (const topic of ['raw_events', 'alerts']) {
      await log.ensureTopics([{ name: topic, partitions: 1 }]);
      await log.publish(topic, [{ key: 'k', value: `to ${topic}` }]);
      await log.subscribe({ group: `secure-${topic}`, topics: [topic], maxRecords: 10, listener }).then((consumer) => open.push(consumer));
    }
    await listener.received(2);
    expect(listener.values().sort()).toEqual(['to alerts', 'to raw_events']);
    await Promise.all(open.map((consumer) => consumer.stop()));
    await log.close();
    await close();
  });
  const open: { stop(): Promise<void> }[] = [];

  it('what is wrong is said: brokers, encryption, authority, name, certificate, login (P8)', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const mute = `127.0.0.1:${(silent.address() as { port: number }).port}`;
    const wrong: [access: ClusterAccess, code: string, says: RegExp][] = [
      [{ brokers: ['127.0.0.1:1', '127.0.0.1:2'] }, 'T7001', /127\.0\.0\.1:1: connection refused; 127\.0\.0\.1:2: connection refused/],
      [{ brokers: ['nowhere.invalid:9092'] }, 'T7001', /nowhere\.invalid:9092: host name not found/],
      [{ brokers: [mute] }, 'T7001', /request timed out/],
      [{ brokers: [kafka.tls] }, 'T7003', /listener uses TLS, but TLS is not configured/],
      [{ brokers: [kafka.saslTls], sasl: login('plain') }, 'T7003', /listener uses TLS, but TLS is not configured/],
      [{ brokers: [kafka.brokers], tls: {} }, 'T7003', /listener does not use TLS, but TLS is configured/],
      [{ brokers: [kafka.saslTls], tls: { serverName: SERVER_NAME } }, 'T7003', /not signed by a trusted certificate authority/],
      [
        { brokers: [kafka.saslTls], tls: { ca: pem('other-ca.pem'), serverName: SERVER_NAME } },
        'T7003',
        /not signed by a trusted certificate authority/,
      ],
      [{ brokers: [kafka.saslTls], tls: { ca: pem('ca.pem') } }, 'T7003', /does not match the host name/],
      [{ brokers: [kafka.tls], tls: trust() }, 'T7003', /requires a client certificate/],
      [
        { brokers: [kafka.tls], tls: { ...trust(), cert: 'no PEM', key: 'no PEM' } },
        'T7003',
        /invalid certificate authority, certificate or private key/,
      ],
      [{ brokers: [kafka.sasl] }, 'T7002', /requires SASL, but SASL is not configured/],
      [{ brokers: [kafka.saslTls], tls: trust() }, 'T7002', /requires SASL, but SASL is not configured/],
      [{ brokers: [kafka.brokers], sasl: login('plain') }, 'T7002', /does not support SASL/],
      ...mechanisms.map((mechanism): [ClusterAccess, string, RegExp] => [
        { brokers: [kafka.sasl], sasl: { mechanism, username: USER.username, password: 'a-wrong-secret' } },
        'T7002',
        /authentication failed/i,
      ]),
    ];
    const told = await Promise.all(
      wrong.map(async ([access]) => {
        const cluster = clusters.open(access, 'stranger');
        const [refusal] = await Promise.all([cluster.topics().then(String, (error: unknown) => error), cluster.ping().catch(() => undefined)]);
        return refusal as Error & { code: string };
      }),
    );
    silent.close();
    expect(told.map(({ code, message }, index) => [index, code, message])).toEqual(
      wrong.map(([, code, says], index) => [index, code, expect.stringMatching(says)]),
    );
    for (const { stack = '' } of told) expect(stack).not.toContain('secret');
  });

  it('the doctor passes what lets us in, and says which settings to look at where a cluster does not (O9)', async () => {
    const { url, close } = await aMysql();
    const path = (name: string): string => join(kafka.pems, name);
    const right = {
      DATABASE_URL: url,
      HTTP_PORT: '65535',
      TOPIC_PREFIX: `doctor-${process.pid}.`,
      KAFKA_BROKERS: kafka.saslTls,
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: path('ca.pem'),
      KAFKA_TLS_SERVER_NAME: SERVER_NAME,
      KAFKA_SASL_MECHANISM: 'scram-sha-256',
      KAFKA_SASL_USERNAME: USER.username,
      KAFKA_SASL_PASSWORD: USER.password,
      ALERT_KAFKA_BROKERS: kafka.sasl,
      ALERT_KAFKA_SASL_MECHANISM: 'plain',
      ALERT_KAFKA_SASL_USERNAME: USER.username,
      ALERT_KAFKA_SASL_PASSWORD: USER.password,
    };
    const findings = async (wrong: Record<string, string> = {}): Promise<Finding[]> => diagnose(await examine(parseConfig({ ...right, ...wrong })));
    const failed = (found: readonly Finding[]) => found.filter(({ verdict }) => verdict === 'fail').map(({ check, code }) => `${check} ${code}`);
    const [good, password, user, authority, alert] = await Promise.all([
      findings(),
      findings({ KAFKA_SASL_PASSWORD: 'a-wrong-secret' }),
      findings({ KAFKA_SASL_USERNAME: 'nobody' }),
      findings({ KAFKA_TLS_CA_FILE: path('other-ca.pem') }),
      findings({ ALERT_KAFKA_SASL_PASSWORD: 'a-wrong-secret' }),
    ]);
    const finding = (found: readonly Finding[], check: string): Finding => found.find((each) => each.check === check)!;
    expect(failed(good)).toEqual([]);
    for (const cluster of ['main', 'alert'])
      for (const check of ['brokers', 'login', 'versions']) expect(finding(good, `kafka.${cluster}.${check}`)).toMatchObject({ verdict: 'ok' });
    for (const found of [password, user]) {
      expect(failed(found)).toEqual(['kafka.main.login T5015']);
      expect(finding(found, 'kafka.main.login')).toMatchObject({
        evidence: expect.stringMatching(/SASL authentication failed: .*authentication failed/i) as string,
        remedy: `check KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD, and the security protocol of the listener at ${kafka.saslTls}`,
      });
    }
    expect(failed(authority)).toEqual(['kafka.main.login T5015']);
    expect(finding(authority, 'kafka.main.login')).toMatchObject({
      evidence: expect.stringContaining('not signed by a trusted certificate authority') as string,
      remedy: 'TLS: check KAFKA_TLS and its _CA_FILE, _CERT_FILE, _KEY_FILE',
    });
    expect(failed(alert)).toEqual(['kafka.alert.login T5015']);
    expect(finding(alert, 'kafka.alert.login').remedy).toContain('check ALERT_KAFKA_SASL_MECHANISM');
    expect(JSON.stringify([good, password, user, authority, alert])).not.toContain('secret');
    await close();
  });

  it('a wrong login does not stop the process: the consumer says why it waits, and no secret is ever logged (P8)', async () => {
    const cluster = clusters.open({ brokers: [kafka.sasl], sasl: { mechanism: 'scram-sha-256', ...USER, password: 'a-wrong-secret' } }, 'stranger');
    const listener = new RecordingListener();
    const consumers = [
      cluster.assign({ group: 'none', partitions: [{ topic: 'x', partition: 0 }], maxRecords: 1, listener }),
      cluster.subscribe({ group: 'some', topics: ['x'], maxRecords: 1, listener }),
    ];
    for (const consumer of consumers) {
      await eventually(() => consumer.state().problem !== undefined, 'the problem');
      expect(consumer.state()).toMatchObject({ status: 'connecting', problem: expect.stringContaining('SASL authentication failed') as string });
    }
    await cluster.close();
    expect(consumers.map((consumer) => consumer.state().status)).toEqual(['stopped', 'stopped']);
    expect(logged.join('\n')).toContain('SASL authentication failed');
    expect(logged.filter((line) => line.includes('secret'))).toEqual([]);
  });
});
