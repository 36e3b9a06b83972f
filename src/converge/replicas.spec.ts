import { aStrategy } from '../../test/support/builders.js';
import { AlertLife, alerts, ConvergeReplica } from '../../test/support/converge.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import type { ConvergedAlert } from '../topics.js';

const converge = { group_wait: 10, group_interval: 60, storm: { threshold: 0, window: 60 } };

describe.each(databases)('Several replicas of Converge on %s', (_, open) => {
  let opened: TestDatabase;

  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  const replicas = (count: number, of: Parameters<typeof aStrategy>[0] = { converge }): ConvergeReplica[] =>
    Array.from({ length: count }, () => new ConvergeReplica(opened.database, new Map([[1, aStrategy(of)]])));
  const openGroups = async ({ reader }: ConvergeReplica) => (await reader.page({ state: ['pending', 'notified'], limit: 1000 })).items;

  it('open a group once, whoever comes first', async () => {
    const [one, other] = replicas(2, { converge: { ...converge, group_by: ['host'] } }) as [ConvergeReplica, ConvergeReplica];
    for (let round = 0; round < 20; round++) {
      const [a, b] = alerts(2, `r${round}-`, { dimensions: { host: `h${round}` } }) as [AlertLife, AlertLife];
      await Promise.all([one.at(0, a.fires()), other.at(0, b.fires())]);
    }
    expect((await openGroups(one)).map(({ dimensions, counts }) => [dimensions['host'], counts.total]).sort()).toEqual(
      Array.from({ length: 20 }, (_, round) => [`h${round}`, 2]).sort(),
    );
  });

  it('meet new scopes in any order without blocking each other for ever', async () => {
    const both = replicas(2);
    for (let round = 0; round < 20; round++) {
      const lives = alerts(40, `r${round}-`).map((life, index) => new AlertLife(life.id, { strategy_id: 0, alert_name: `${round}-${index % 20}` }));
      const events = lives.map((life) => life.fires());
      await Promise.all([both[0]!.at(0, ...events.slice(0, 20)), both[1]!.at(0, ...events.slice(20).reverse())]);
    }
    expect((await openGroups(both[0]!)).map(({ counts }) => counts.total)).toEqual(new Array(400).fill(2));
  });

  it('count the arrivals of a storm together', async () => {
    const [one, other] = replicas(2, { converge: { ...converge, storm: { threshold: 5, window: 60 } } }) as [ConvergeReplica, ConvergeReplica];
    const events = alerts(6).map((life) => life.fires());
    await Promise.all([one.at(0, ...events.slice(0, 3)), other.at(0, ...events.slice(3))]);
    const messages = await one.flush(0);
    expect(messages.map(({ reason, counts }) => [reason, counts.total])).toEqual([['storm opened', 6]]);
  });

  it('publish the end once when both flush at the same moment', async () => {
    const [one, other] = replicas(2) as [ConvergeReplica, ConvergeReplica];
    const life = new AlertLife('a');
    await one.at(0, life.fires());
    await Promise.all([one.flush(10), other.flush(10)]);
    await one.at(100, life.recovers());
    await Promise.all([one.flush(110), other.flush(110)]);
    const messages = [...one.messages, ...other.messages].sort((a, b) => a.sequence - b.sequence);
    expect(messages.map(({ reason }) => reason)).toEqual(['first notification', 'all alerts resolved']);
  });

  it('publish everything once while batches and flushes run at the same time', async () => {
    const stages = replicas(3, { converge: { ...converge, group_wait: 0, group_interval: 1, storm: { threshold: 15, window: 60 } } });
    const lives: AlertLife[] = [];
    for (let second = 0; second < 40; second++) {
      const [ending, starting] = [lives.splice(0, 5), alerts(6, `s${second}-`)];
      await Promise.all([
        stages[0]!.at(second, ...starting.slice(0, 3).map((life) => life.fires())),
        stages[1]!.at(second, ...starting.slice(3).map((life) => life.fires())),
        stages[2]!.at(second, ...ending.map((life) => life.recovers())),
        ...stages.map((stage) => stage.flush(second)),
      ]);
      lives.push(...starting);
    }
    await stages[0]!.at(50, ...lives.map((life) => life.recovers()));
    await Promise.all(stages.map((stage) => stage.flush(60)));
    await stages[0]!.flush(120);

    const messages = stages.flatMap((stage) => stage.messages);
    expect(await openGroups(stages[0]!)).toEqual([]);
    expect(sequences(messages)).toEqual([...new Set(sequences(messages))]);
    for (const life of bySequence(messages)) expect(life.map(({ sequence }) => sequence)).toEqual(life.map((_, index) => index + 1));
    const firing = new Set(named(messages, 'ABNORMAL'));
    expect(named(messages, 'RECOVERED').sort()).toEqual([...firing].sort());
  });
});

const sequences = (messages: readonly ConvergedAlert[]): string[] => messages.map(({ converge_id, sequence }) => `${converge_id} ${sequence}`);

function bySequence(messages: readonly ConvergedAlert[]): ConvergedAlert[][] {
  const ids = [...new Set(messages.map(({ converge_id }) => converge_id))];
  return ids.map((id) => messages.filter(({ converge_id }) => converge_id === id).sort((a, b) => a.sequence - b.sequence));
}

const named = (messages: readonly ConvergedAlert[], status: string): string[] =>
  messages.flatMap(({ members }) => members.filter((member) => member.status === status).map(({ alert_id }) => alert_id));
