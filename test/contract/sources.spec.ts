import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ReplicaRepository } from '../../src/sources/replica.repository.js';
import { COMMANDS } from '../../src/database/database.client.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { EventLog } from '../../src/log/event-log.js';
import type { RawEvent } from '../../src/topics.js';
import { eventually } from '../support/eventually.js';
import { ForeignCluster } from '../support/foreign-cluster.js';
import { takes } from '../support/logs.js';
import { freePort } from '../support/servers/processes.mjs';
import { startSecureKafka, USER } from '../support/servers/secure-kafka.mjs';
import { aDistributedSite, anEmbeddedSite, byTest, type SourceApp, type SourceSite } from '../support/source-app.js';
import { parseSource } from '../../src/access/registry/source.js';

jest.setTimeout(120_000);

const brokers = process.env['KAFKA_BROKERS'] ?? '';

let number = 0;
const aName = (what: string): string => `${what}-${++number}`;

/** A measurement of the source `sender`, as JSON. */
const line = (sender: string, value: number, business = '2'): string =>
  JSON.stringify({ event_type: 'metric', bk_biz_id: business, event_source: sender, raw_data: { metric: 'm', value, dimensions: {} } });
const lines = (sender: string, from: number, to: number): string[] => range(from, to).map((value) => line(sender, value, String(value % 5)));
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const valueOf = (event: RawEvent): number => (event.raw_data as { value: number }).value;

/** The values that came from a sender; each event once, however often it was published. */
async function values(site: SourceSite, sender: string): Promise<number[]> {
  const events = (await site.events()).flat().filter((event) => event.event_source === sender);
  return [...new Map(events.map((event) => [event.event_id, valueOf(event)])).values()].sort((a, b) => a - b);
}

const came = (site: SourceSite, sender: string, expected: readonly number[]): Promise<void> =>
  eventually(async () => (await values(site, sender)).length >= expected.length, `${expected.length} events of ${sender}`).then(async () =>
    expect(await values(site, sender)).toEqual(expected),
  );

const kafkaSource = (name: string, topic: string, more: Record<string, unknown> = {}) => ({
  name,
  kind: 'kafka',
  cluster: { brokers: [brokers] },
  topics: [topic],
  start: 'earliest',
  ...more,
});

const cluster = new ForeignCluster({ brokers: [brokers] });

/** What is not touched must not move, nor read again; a busy machine is no reason to lose a membership. */
const patient = { KAFKA_SESSION_TIMEOUT_MS: '30000' };

/** Waits until the source has left its group: one that is not desired any more still brings to its end what is under way. */
const nobodyReads = ({ config }: SourceApp, name: string): Promise<void> =>
  eventually(async () => {
    const { groups } = await (await cluster.admin()).describeGroups([`${config.GROUP_PREFIX}.source.${name}`]);
    return groups[0]!.state === 'Empty';
  }, `nobody in the group of ${name}`);

afterAll(() => cluster.close());

describe.each([
  ['embedded', anEmbeddedSite],
  ['distributed', aDistributedSite],
] as const)('a source of Kafka (%s)', (_mode, open) => {
  let site: SourceSite;
  let replica: SourceApp;
  beforeAll(async () => {
    site = await open();
    replica = await site.replica(patient);
  });
  afterAll(async () => {
    await replica.close();
    await site.close();
  });

  it.each(['subscribe', 'assign'])('brings the events of all partitions, in the mode %s, and says how far it is', async (mode) => {
    const [name, topic] = [aName('plain'), await cluster.aTopic(2)];
    await cluster.send(topic, lines(name, 0, 20), 0);
    await cluster.send(topic, lines(name, 20, 40), 1);
    await replica.sources.create(parseSource(kafkaSource(name, topic, { mode })), byTest());
    await came(site, name, range(0, 40));
    await eventually(async () => {
      const { lag, status, replicas } = await replica.states.of(name);
      const places = replicas.flatMap(({ partitions }) => partitions.map((at) => `${at.topic}/${at.partition} ${at.position}/${at.end}`));
      return lag === 0 && status === 'running' && places.sort().join() === `${topic}/0 20/20,${topic}/1 20/20`;
    }, 'both partitions to be told as read to their ends');
  });

  it('starts at the end, the beginning or a timestamp, and at its last position after it was disabled; a recreated source starts from its start position', async () => {
    const topic = await cluster.aTopic();
    const names = ['latest', 'earliest', 'timestamp'].map(aName);
    const before = Date.now() - 3_600_000;
    await cluster.send(
      topic,
      ['latest', 'earliest', 'timestamp'].map((_, index) => line(names[index]!, 1)),
      0,
      before,
    );
    await cluster.send(
      topic,
      names.map((name) => line(name, 2)),
      0,
      before + 60_000,
    );
    const starts = ['latest', 'earliest', { timestamp: before + 30_000 }];
    for (const [index, name] of names.entries()) {
      await replica.sources.create(parseSource(kafkaSource(name, topic, { start: starts[index] })), byTest());
    }
    await eventually(
      async () => (await Promise.all(names.map((name) => replica.states.of(name)))).every(({ status }) => status === 'running'),
      'running',
    );
    await cluster.send(
      topic,
      names.map((name) => line(name, 3)),
    );
    // Each source reads the whole topic, so each event comes as often as sources reach back to it.
    const times = async (value: number) =>
      (await site.events()).flat().filter((event) => names.includes(event.event_source) && valueOf(event) === value).length / 3;
    await eventually(async () => (await times(3)) === 3, 'what came last, from all');
    expect([await times(1), await times(2)]).toEqual([1, 2]);
    await replica.sources.enable(names[1]!, false, byTest());
    await nobodyReads(replica, names[1]!);
    await cluster.send(
      topic,
      names.map((name) => line(name, 4)),
    );
    await eventually(async () => (await times(4)) === 2, 'from the others');
    await replica.sources.enable(names[1]!, true, byTest());
    await eventually(async () => (await times(4)) === 3, 'from the one that was disabled');
    expect(await times(1)).toBe(1);
    await replica.sources.remove(names[2]!, byTest());
    expect((await replica.cursors.all()).filter(({ group }) => group === `source.${names[2]}`)).toEqual([]);
    await replica.sources.create(parseSource(kafkaSource(names[2]!, topic)), byTest());
    await eventually(async () => (await times(1)) === 2, 'from the beginning, because it was declared anew');
  });

  it('puts aside what can never work, with its bytes, and takes the rest', async () => {
    const [name, topic] = [aName('dirty'), await cluster.aTopic()];
    const half = `[${line(name, 2)},{"event_type":"metric"}]`;
    await cluster.send(topic, [line(name, 1), '{"broken', half, line(name, 3)]);
    await replica.sources.create(parseSource(kafkaSource(name, topic)), byTest());
    await came(site, name, [1, 2, 3]);
    await eventually(
      async () => (await site.deadLetters()).filter(({ headers }) => headers['tocsin-source'] === name).length === 2,
      'two dead letters',
    );
    const letters = (await site.deadLetters()).filter(({ headers }) => headers['tocsin-source'] === name);
    const seen = letters.map(({ value, headers }) => [Number(headers['tocsin-offset']), headers['tocsin-error-code'], String(value)]);
    expect(seen.sort()).toEqual([
      [1, 'T1001', '{"broken'],
      [2, 'T1101', half],
    ]);
    expect(letters[0]!.headers).toMatchObject({ 'tocsin-topic': topic, 'tocsin-partition': '0', 'tocsin-stage': `source.${name}` });
  });

  it('halts at the poison-record limit, and resumes with another format on request', async () => {
    const [name, topic] = [aName('wrong-format'), await cluster.aTopic()];
    await cluster.send(
      topic,
      Array.from({ length: 500 }, (_, value) => JSON.stringify({ name: 'm', value, timestamp: new Date().toISOString(), labels: { of: name } })),
    );
    await replica.sources.create(parseSource(kafkaSource(name, topic, { business: '2' })), byTest());
    await eventually(async () => (await replica.states.of(name)).problems.some((problem) => problem.includes('T6103')), 'stopped');
    await cluster.send(topic, [JSON.stringify({ name: 'm', value: 500, timestamp: new Date().toISOString(), labels: { of: name } })]);
    await replica.sources.replace(name, parseSource(kafkaSource(name, topic, { business: '2', format: 'prometheus' })), byTest());
    const answer = await replica.client.post<{ partitions: unknown[] }>(`/api/v1/sources/${name}/resume`, {});
    expect(answer.partitions).toMatchObject([{ topic, partition: 0, from: 500, to: 500 }]);
    const ours = async () =>
      (await site.events()).flat().filter((event) => (event.raw_data as { dimensions?: Record<string, string> }).dimensions?.['of'] === name);
    await eventually(async () => (await ours()).map(valueOf).includes(500), 'what came after');
  });
});

describe('sources on several clusters and replicas', () => {
  let site: SourceSite;
  let replica: SourceApp;
  let secure: Awaited<ReturnType<typeof startSecureKafka>>;
  let second: ForeignCluster;
  beforeAll(async () => {
    [site, secure] = await Promise.all([aDistributedSite(), startSecureKafka()]);
    second = new ForeignCluster({ brokers: [secure.brokers] });
    replica = await site.replica(patient);
  });
  afterAll(async () => {
    await replica.close();
    await second.close();
    await secure.stop();
    await site.close();
  });

  const onSecond = (name: string, topic: string, more: Record<string, unknown> = {}) =>
    kafkaSource(name, topic, { cluster: { brokers: [secure.brokers] }, ...more });
  const epochs = async (name: string) =>
    (await replica.cursors.all())
      .filter(({ group }) => group === `source.${name}`)
      .map(({ topic, partition, epoch }) => `${topic}/${partition}:${epoch}`);
  const runs = (name: string) =>
    eventually(async () => (await replica.states.of(name)).status === 'running' && (await replica.states.of(name)).partitions > 0, `${name} runs`);

  it('adds, changes and removes sources under load without touching the others, and neither loses nor doubles anything (C18)', async () => {
    const names = ['stays-group', 'stays-explicit', 'stays-second', 'changes', 'goes', 'joins'].map(aName);
    const [stays1, stays2, stays3, changes, goes, joins] = names as [string, string, string, string, string, string];
    const places = await Promise.all(
      names.map(async (_, index) => (index % 3 === 2 ? ([second, await second.aTopic(2)] as const) : ([cluster, await cluster.aTopic(2)] as const))),
    );
    const topicOf = (name: string) => places[names.indexOf(name)]![1];
    const declared = (name: string, more = {}) =>
      places[names.indexOf(name)]![0] === second ? onSecond(name, topicOf(name), more) : kafkaSource(name, topicOf(name), more);
    for (const name of [stays1, stays3, changes, goes]) await replica.sources.create(parseSource(declared(name)), byTest());
    await replica.sources.create(parseSource(declared(stays2, { mode: 'assign' })), byTest());
    for (const name of [stays1, stays2, stays3, changes]) await runs(name);
    const untouched = [stays1, stays2, stays3];
    const before = await Promise.all(untouched.map(epochs));
    const asked = untouched.map((name) => jest.spyOn(replica.consumers.running().get(name)!.consumer.partitions, 'assigned'));

    let sent = 0;
    let loading = true;
    const load = (async () => {
      while (loading) {
        await Promise.all(
          names.flatMap((name, index) =>
            [0, 1].map((partition) =>
              places[index]![0].send(topicOf(name), lines(name, sent + partition * 50, sent + partition * 50 + 50), partition),
            ),
          ),
        );
        sent += 100;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    await eventually(() => sent >= 500, 'load');
    await replica.sources.create(parseSource(declared(joins)), byTest());
    await replica.sources.replace(changes, parseSource(declared(changes, { mode: 'assign' })), byTest());
    await replica.sources.remove(goes, byTest());
    await runs(joins);
    await runs(changes);
    await eventually(() => !replica.consumers.running().has(goes), 'gone');
    const more = sent + 500;
    await eventually(() => sent >= more, 'more load');
    loading = false;
    await load;

    for (const name of [...untouched, changes, joins]) await came(site, name, range(0, sent));
    expect(await Promise.all(untouched.map(epochs))).toEqual(before);
    expect(asked.map((spy) => spy.mock.calls)).toEqual([[], [], []]);
  });

  it('is hindered by a dead cluster, a wrong password or an unknown topic alone, says so, and tries again (C17)', async () => {
    const warned = jest.spyOn(Logger.prototype, 'warn');
    const [dead, wrong, unknown, good] = ['dead', 'wrong', 'unknown', 'good'].map(aName) as [string, string, string, string];
    const topic = await second.aTopic();
    const late = `${topic}-late`;
    const sasl = { mechanism: 'scram-sha-512', username: USER.username, password: 'not-what-ann-knows' };
    await replica.sources.create(parseSource(kafkaSource(dead, topic, { cluster: { brokers: [`127.0.0.1:${await freePort()}`] } })), byTest());
    await replica.sources.create(parseSource(kafkaSource(wrong, topic, { cluster: { brokers: [secure.sasl], sasl } })), byTest());
    await replica.sources.create(parseSource(onSecond(unknown, late, { mode: 'assign' })), byTest());
    await replica.sources.create(parseSource(onSecond(good, topic)), byTest());
    await second.send(topic, [...lines(good, 0, 10)]);
    await came(site, good, range(0, 10));
    const problem = async (name: string) => (await replica.states.of(name)).problems.join();
    for (const name of [dead, wrong, unknown]) await eventually(async () => (await problem(name)) !== '', `a problem of ${name}`);
    expect(await problem(unknown)).toContain(late);
    const ready = await replica.client.get<{ details: { sources: { degraded: boolean; problems: Record<string, string[]> } } }>('/health/ready');
    expect(ready.body.details.sources.degraded).toBe(true);
    expect(Object.keys(ready.body.details.sources.problems)).toEqual(expect.arrayContaining([dead, wrong, unknown]));
    const metrics = (await replica.client.get<string>('/metrics')).body as unknown as string;
    expect(metrics).toContain(`tocsin_source_up{source="${dead}"} 0`);

    await second.aTopic(1, late);
    await second.send(late, lines(unknown, 0, 5));
    await came(site, unknown, range(0, 5));
    await replica.sources.replace(
      wrong,
      parseSource(kafkaSource(wrong, topic, { cluster: { brokers: [secure.sasl], sasl: { ...sasl, password: USER.password } } })),
      byTest(),
    );
    await second.send(topic, lines(wrong, 0, 5));
    await came(site, wrong, range(0, 5));
    expect(JSON.stringify(warned.mock.calls)).not.toContain('not-what-ann-knows');
    warned.mockRestore();
    for (const name of [dead, wrong, unknown, good]) await replica.sources.remove(name, byTest());
  });

  it('keeps passwords and keys out of the database, of answers and of the audit (C17)', async () => {
    const [name, topic] = [aName('secret'), await second.aTopic()];
    const sasl = { mechanism: 'plain', username: USER.username, password: USER.password };
    const pem = (file: string) => readFileSync(join(secure.pems, file), 'utf8');
    const answers = [
      await replica.client.call('POST', '/api/v1/sources', kafkaSource(name, topic, { cluster: { brokers: [secure.sasl], sasl } })),
      await replica.client.get(`/api/v1/sources/${name}`),
      await replica.client.get('/api/v1/sources'),
    ];
    await second.send(topic, lines(name, 0, 5));
    await came(site, name, range(0, 5));
    // What was answered may be sent back: the secret stays what it is.
    const back = { ...(answers[1]!.body as object), description: 'changed' };
    answers.push(await replica.client.call('PUT', `/api/v1/sources/${name}`, back));
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200]);
    expect(answers[1]!.body).toMatchObject({ cluster: { sasl: { username: USER.username, password: '********' } } });
    await second.send(topic, lines(name, 5, 10));
    await came(site, name, range(0, 10));
    // To other brokers a stored password does not go.
    const elsewhere = await replica.client.call('PUT', `/api/v1/sources/${name}`, {
      ...back,
      cluster: { ...(back as { cluster?: object }).cluster, brokers: ['evil.example:9092'] },
    });
    expect(elsewhere).toMatchObject({ status: 400, body: { error: { code: 'T7020' } } });
    const tls = { ca: pem('ca.pem'), cert: pem('client.pem'), key: pem('client-key.pem'), server_name: 'broker.test' };
    const byKey = aName('certificate');
    answers.push(await replica.client.call('POST', '/api/v1/sources', kafkaSource(byKey, topic, { cluster: { brokers: [secure.tls], tls } })));
    await eventually(
      async () => (await replica.states.of(byKey)).lag === 0 && (await replica.states.of(byKey)).status === 'running',
      'reads with a certificate',
    );
    const rows = await Promise.all(['source', 'audit', 'source_replica'].map((table) => site.database.query(`SELECT * FROM ${table}`)));
    const secretKey = tls.key.split('\n')[1]!;
    for (const text of [JSON.stringify(answers), JSON.stringify(rows)]) {
      expect(text).not.toContain(USER.password);
      expect(text).not.toContain(secretKey);
    }
    const audit = (await site.database.query<{ action: string; object_id: string }>('SELECT action, object_id FROM audit')).filter(
      ({ object_id }) => object_id === name,
    );
    expect(audit.map(({ action }) => action)).toEqual(['source.created', 'source.updated']);
    for (const each of [name, byKey]) await replica.sources.remove(each, byTest());
  });

  it('reads topics that match later and partitions that are added from their beginning (C2)', async () => {
    const name = aName('growing');
    const root = await cluster.aTopic(1);
    const expected = async (values: number[]) => came(site, name, values);
    await replica.sources.create(parseSource({ ...kafkaSource(name, root), topics: undefined, pattern: `${root}.*`, start: 'latest' }), byTest());
    await runs(name);
    await cluster.send(root, lines(name, 0, 10));
    await expected(range(0, 10));
    const other = await cluster.aTopic(1, `${root}-other`);
    await cluster.send(other, lines(name, 10, 20));
    await expected(range(0, 20));
    await cluster.grow(root, 2);
    await cluster.send(root, lines(name, 20, 30), 1);
    await expected(range(0, 30));
    await replica.sources.remove(name, byTest());
  });

  it.each(['subscribe', 'assign'])('halts at a recreated topic, in mode %s, and reads it completely on request', async (mode) => {
    const [name, topic] = [aName('anew'), await cluster.aTopic()];
    await cluster.send(topic, lines(name, 0, 20));
    await replica.sources.create(parseSource(kafkaSource(name, topic, { mode })), byTest());
    await came(site, name, range(0, 20));
    await eventually(async () => (await replica.cursors.read(`source.${name}`, { topic, partition: 0 }))?.nextOffset === 20, 'committed');
    await cluster.deleteTopic(topic);
    await cluster.aTopic(1, topic);
    await cluster.send(topic, lines(name, 100, 105));
    await eventually(async () => (await replica.states.of(name)).problems.some((problem) => problem.includes('T6102')), 'stopped');
    const resumed = await replica.client.post<{ partitions: unknown[] }>(`/api/v1/sources/${name}/resume`, { from: 'earliest' });
    expect(resumed.partitions).toMatchObject([{ topic, partition: 0, from: 20, to: 0 }]);
    await came(site, name, [...range(0, 20), ...range(100, 105)]);
    await replica.sources.remove(name, byTest());
  });

  it('stops when retention was faster, and says what is lost', async () => {
    const [name, topic] = [aName('overtaken'), await cluster.aTopic()];
    await cluster.send(topic, lines(name, 0, 10));
    await replica.sources.create(parseSource(kafkaSource(name, topic)), byTest());
    await came(site, name, range(0, 10));
    await eventually(async () => (await replica.cursors.read(`source.${name}`, { topic, partition: 0 }))?.nextOffset === 10, 'committed');
    await replica.sources.enable(name, false, byTest());
    await nobodyReads(replica, name);
    await cluster.send(topic, lines(name, 10, 30));
    await cluster.truncate(topic, 25);
    await replica.sources.enable(name, true, byTest());
    await eventually(
      async () => (await replica.states.of(name)).problems.some((problem) => problem.includes('records 10 to 24 were deleted')),
      'stopped',
    );
    await replica.client.post(`/api/v1/sources/${name}/resume`, { from: 'earliest' });
    await came(site, name, [...range(0, 10), ...range(25, 30)]);
    await replica.sources.remove(name, byTest());
  });

  it('brings again what was not committed, under the same ids (C13)', async () => {
    const [name, topic] = [aName('again'), await cluster.aTopic()];
    await replica.sources.create(parseSource(kafkaSource(name, topic, { mode: 'assign' })), byTest());
    await runs(name);
    const failing = jest.spyOn(replica.app.get(CursorRepository), 'advance').mockRejectedValue(new Error('the database is away'));
    await cluster.send(topic, lines(name, 0, 50));
    await came(site, name, range(0, 50));
    await replica.sources.enable(name, false, byTest());
    await eventually(async () => (await replica.cursors.of(`source.${name}`)).every(({ owner }) => owner === ''), 'let go of');
    failing.mockRestore();
    await replica.sources.enable(name, true, byTest());
    const published = async () => (await site.events()).flat().filter((event) => event.event_source === name);
    await eventually(async () => (await published()).length === 100, 'everything twice');
    expect(new Set((await published()).map((event) => event.event_id)).size).toBe(50);
    await replica.sources.remove(name, byTest());
  });

  it('does not take what came while a partition changed hands for never written (C3)', async () => {
    const [name, topic] = [aName('handed-over'), await cluster.aTopic()];
    await cluster.send(topic, lines(name, 0, 5));
    await replica.sources.create(parseSource(kafkaSource(name, topic, { mode: 'assign', start: 'earliest' })), byTest());
    await came(site, name, range(0, 5));
    await replica.sources.enable(name, false, byTest());
    await eventually(async () => (await replica.cursors.of(`source.${name}`)).every(({ owner }) => owner === ''), 'let go of');
    const cursors = replica.app.get(CursorRepository);
    const claim = cursors.claim.bind(cursors);
    let handsChanged = false;
    const claiming = jest.spyOn(cursors, 'claim').mockImplementation(async (group, ...rest) => {
      if (group === `source.${name}`) {
        claiming.mockRestore();
        // The replica before goes on until the very moment of the claim; what it takes is not ours.
        await cluster.send(topic, lines(name, 5, 8));
        await site.database.execute(`UPDATE stream_cursor SET next_offset = 8, state_offset = 8 WHERE topic = '${topic}'`);
        handsChanged = true;
      }
      return claim(group, ...rest);
    });
    await replica.sources.enable(name, true, byTest());
    await eventually(() => handsChanged, 'the claim');
    await cluster.send(topic, lines(name, 8, 10));
    await came(site, name, [...range(0, 5), ...range(8, 10)]);
    expect((await replica.states.of(name)).problems).toEqual([]);
    await replica.sources.remove(name, byTest());
  });

  it('spreads explicit partitions over the replicas; those of a dead one follow, and what it still does is fenced off (C3)', async () => {
    const [name, topic] = [aName('spread'), await cluster.aTopic(6)];
    await replica.sources.create(parseSource(kafkaSource(name, topic, { mode: 'assign' })), byTest());
    await runs(name);
    const other = await site.replica();
    const owners = async () => (await replica.cursors.all()).filter(({ group }) => group === `source.${name}`).map(({ owner }) => owner);
    const shares = async () =>
      [replica, other].map(({ config }) => owners().then((all) => all.filter((owner) => owner === config.INSTANCE_ID).length));
    const shared = async () => Promise.all(await shares());
    await eventually(async () => (await shared()).join() === '3,3', 'three each');
    let sent = 0;
    const send = async () => {
      for (let partition = 0; partition < 6; partition++)
        await cluster.send(topic, lines(name, sent + partition * 10, sent + partition * 10 + 10), partition);
      sent += 60;
    };
    await send();
    await came(site, name, range(0, sent));
    // The other replica is frozen as far as anybody can see: no heartbeat, but its consumers wake up now and then.
    let wakeUp = (): void => undefined;
    const frozen = new Promise<void>((resolve) => (wakeUp = resolve));
    const beat = jest.spyOn(other.app.get(ReplicaRepository), 'beat').mockReturnValue(frozen);
    await send();
    await eventually(async () => (await shared()).join() === '6,0', 'all of them here');
    await send();
    await came(site, name, range(0, sent));
    expect(await shared()).toEqual([6, 0]);
    beat.mockRestore();
    await replica.sources.remove(name, byTest());
    wakeUp();
    await other.close();
  });

  it('sends events that exceed max.message.bytes of raw_events to the dead-letter topic, quarantines those that exceed its limit, and continues (C14)', async () => {
    const [name, topic] = [aName('large'), await cluster.aTopic()];
    const setMost = (of: string, bytes: number) => site.eventLog.topics.configure(of, { 'max.message.bytes': String(bytes) });
    const padded = (value: number, bytes: number) =>
      JSON.stringify({ ...JSON.parse(line(name, value)), note: randomBytes(bytes).toString('base64') });
    const letters = async () => (await site.deadLetters()).filter(({ headers }) => headers['tocsin-source'] === name);
    const quarantined = async () =>
      (await site.database.query<{ ordering_key: string }>('SELECT ordering_key FROM outbox WHERE is_quarantined = 1'))
        .map(({ ordering_key }) => ordering_key)
        .join();
    await setMost('raw_events', 2000);
    await setMost('raw_events.dlq', 5000);
    const [broken, tooLarge] = [`{"${randomBytes(9000).toString('base64')}`, padded(3, 9000)];
    await cluster.send(topic, [line(name, 1), padded(2, 2500), tooLarge, broken, line(name, 4)]);
    await replica.sources.create(parseSource(kafkaSource(name, topic)), byTest());
    await came(site, name, [1, 4]);
    await eventually(async () => (await quarantined()) === 'commands,commands', 'two dead letter records in quarantine');
    await eventually(async () => (await replica.states.of(name)).lag === 0, 'no lag');
    const seen = (await letters()).map(({ value, headers }) => [headers['tocsin-error-code'], valueOf(JSON.parse(String(value)) as RawEvent)]);
    expect(seen).toEqual([['T1104', 2]]);
    await setMost('raw_events.dlq', 1_000_000);
    await takes(site.eventLog, 'raw_events.dlq', 20_000);
    // As when another replica takes over.
    const log = replica.app.get(EventLog);
    log.releaseOrderingKey(COMMANDS);
    log.acquireOrderingKey(COMMANDS);
    await eventually(async () => (await letters()).length === 3, 'the letters that were held');
    const values = (await letters()).map(({ value }) => String(value));
    expect(values).toContain(broken);
    expect(
      values
        .filter((value) => value !== broken)
        .map((value) => valueOf(JSON.parse(value) as RawEvent))
        .sort(),
    ).toEqual([2, 3]);
    await eventually(async () => (await quarantined()) === '', 'an empty outbox');
    await setMost('raw_events', 1_000_000);
    await replica.sources.remove(name, byTest());
  });
});

describe('the key of secrets', () => {
  it('is made where Tocsin is embedded, for us alone, and asked for where it is not', async () => {
    const site = await anEmbeddedSite();
    const embedded = await site.replica({ SECRET_KEY: '' });
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' };
    const source = { ...kafkaSource('locked', 't'), is_enabled: false, cluster: { brokers: ['127.0.0.1:1'], sasl } };
    await embedded.sources.create(parseSource(source), byTest());
    expect(statSync(join(embedded.config.DATA_DIR, 'secret.key')).mode & 0o777).toBe(0o600);
    await embedded.close();
    await site.close();
    const distributed = await aDistributedSite();
    const replica = await distributed.replica({ SECRET_KEY: '' });
    await expect(replica.sources.create(parseSource(source), byTest())).rejects.toMatchObject({
      code: 'T7023',
      message: expect.stringContaining('SECRET_KEY'),
    });
    expect(await replica.sources.list()).toEqual([]);
    await replica.close();
    await distributed.close();
  });
});
