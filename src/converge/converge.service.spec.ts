import { aStrategy, NOON } from '../../test/support/builders.js';
import { AlertLife, alerts, ConvergeReplica } from '../../test/support/converge.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import type { ConvergedAlert } from '../topics.js';

/** group_wait 10 s, group_interval 60 s, repeat_interval 1 h; a storm is more than 5 arrivals in 60 s. */
const converge = { group_wait: 10, group_interval: 60, repeat_interval: 3600, storm: { threshold: 5, window: 60 } };
const QUIET = { ...converge, storm: { threshold: 0, window: 60 } };

const summary = ({ kind, sequence, reason, members }: ConvergedAlert) => [
  kind,
  sequence,
  reason,
  members
    .map(({ alert_id, status }) => (status === 'ABNORMAL' ? alert_id : `${alert_id} over`))
    .sort()
    .join(', '),
];

describe.each(databases)('Converge on %s', (_, open) => {
  let opened: TestDatabase;
  let stage: ConvergeReplica;

  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());

  /** A stage with strategy 1, without the rows of earlier tests. */
  async function given(of: Parameters<typeof aStrategy>[0] = { converge: QUIET }): Promise<void> {
    const { database } = opened;
    await database.transaction(async () => {
      for (const table of ['converge_member', 'converge_group', 'converge_scope']) await database.execute(`DELETE FROM ${table}`);
    });
    stage = new ConvergeReplica(database, new Map([[1, aStrategy(of)]]));
  }

  const flushed = async (second: number) => (await stage.flush(second)).map(summary);
  const groups = async (state: 'pending' | 'notified' | 'ended') => (await stage.reader.page({ state: [state], limit: 1000 })).items;
  const members = async (convergeId: string) => (await stage.reader.membersOf(convergeId, { limit: 1000 })).items;

  describe('a group', () => {
    it('notifies of its alerts, their changes and their end, each after the group wait', async () => {
      await given();
      const [a, b] = alerts(2) as [AlertLife, AlertLife];
      await stage.at(0, a.fires());
      await stage.at(5, b.fires());
      expect(await flushed(9)).toEqual([]);
      expect(await flushed(10)).toEqual([['group', 1, 'first notification', 'a0, a1']]);
      await stage.at(30, a.recovers());
      expect(await flushed(69)).toEqual([]);
      expect(await flushed(70)).toEqual([['group', 2, 'some alerts resolved', 'a0 over, a1']]);
      await stage.at(200, b.recovers());
      expect(await flushed(209)).toEqual([]);
      expect(await flushed(210)).toEqual([['group', 3, 'all alerts resolved', 'a1 over']]);
      expect(await flushed(100_000)).toEqual([]);
    });

    it('carries what a receiver needs', async () => {
      await given({ converge: { ...QUIET, group_by: ['host'] }, notice: { receivers: ['ops'] } });
      await stage.at(0, new AlertLife('a').fires({ value: 97, severity: 1, generator_url: 'http://g' }));
      const [message] = await stage.flush(10);
      expect(message).toMatchObject({
        sequence: 1,
        kind: 'group',
        status: 'firing',
        bk_biz_id: '2',
        strategy_id: 1,
        severity: 1,
        dimensions: { host: 'web-1' },
        window: { from: NOON, to: NOON + 10_000 },
        counts: { firing: 1, resolved: 0, total: 1 },
        receivers: ['ops'],
        time: NOON + 10_000,
        members: [{ alert_id: 'a', alert_key: 'key-a', status: 'ABNORMAL', value: 97, end_time: null, generator_url: 'http://g' }],
      });
    });

    it('starts a new life with a new id after its end', async () => {
      await given();
      const first = new AlertLife('a');
      await stage.at(0, first.fires());
      await stage.flush(10);
      await stage.at(100, first.recovers());
      await stage.flush(110);
      await stage.at(120, new AlertLife('b').fires());
      await stage.flush(130);
      const [one, , two] = stage.messages;
      expect(two!.converge_id).not.toBe(one!.converge_id);
      expect([two!.sequence, two!.group_key]).toEqual([1, one!.group_key]);
    });

    it('is notified again after the repeat interval, and not for a new value', async () => {
      await given();
      const a = new AlertLife('a');
      await stage.at(0, a.fires());
      await stage.flush(10);
      await stage.at(400, a.goesOn({ value: 99 }));
      expect(await flushed(3609)).toEqual([]);
      expect(await flushed(3610)).toEqual([['group', 2, 'repeat interval elapsed', 'a']]);
      expect(stage.messages.at(-1)!.members[0]).toMatchObject({ value: 99 });
      expect(await flushed(7210)).toEqual([['group', 3, 'repeat interval elapsed', 'a']]);
    });

    it('notifies of a raised severity, once, and not of a lowered one', async () => {
      await given();
      const a = new AlertLife('a');
      await stage.at(0, a.fires({ severity: 2 }));
      await stage.flush(10);
      await stage.at(100, a.turns(1));
      expect(await flushed(110)).toEqual([['group', 2, 'severity raised', 'a']]);
      await stage.at(200, a.turns(3));
      expect(await flushed(300)).toEqual([]);
      await stage.at(400, a.turns(2), a.turns(1));
      expect(await flushed(500)).toEqual([]);
    });

    it('notifies of a severity that was raised again after a message showed it lowered', async () => {
      await given();
      const [a, b] = alerts(2) as [AlertLife, AlertLife];
      await stage.at(0, a.fires({ severity: 2 }));
      await stage.flush(10);
      await stage.at(20, a.turns(3), b.fires());
      await stage.flush(70);
      await stage.at(100, a.turns(2));
      expect(await flushed(130)).toEqual([['group', 3, 'severity raised', 'a0, a1']]);
    });

    it('notifies of an alert that fires again before its end was notified', async () => {
      await given();
      const [one, other, again] = alerts(3, 'a', { alert_key: 'same' }) as [AlertLife, AlertLife, AlertLife];
      await stage.at(0, one.fires());
      await stage.flush(10);
      await stage.at(20, one.recovers(), other.fires(), other.recovers(), again.fires());
      expect(await flushed(70)).toEqual([['group', 2, 'new alerts added', 'a0 over, a2']]);
    });

    it('ends without a message when its alerts ended before the first one, and says so', async () => {
      await given();
      const a = new AlertLife('a');
      await stage.at(0, a.fires());
      await stage.at(5, a.recovers());
      expect(await flushed(10)).toEqual([]);
      const [group] = await groups('ended');
      expect(group).toMatchObject({ end_reason: 'ended_before_first_notice', sequence_no: 0 });
      expect(await members(group!.converge_id)).toMatchObject([
        { alert_id: 'a', phase: 'never_notified', not_notified_reason: 'ended_before_notice' },
      ]);
    });

    it('notifies of an alert that ended while its notice was overdue', async () => {
      await given();
      const a = new AlertLife('a');
      await stage.at(0, a.fires());
      await stage.at(11, a.recovers());
      expect(await flushed(12)).toEqual([['group', 1, 'first notification', 'a']]);
      expect(await flushed(72)).toEqual([['group', 2, 'all alerts resolved', 'a over']]);
    });

    it('does not notify of an alert that ended at the very moment at which its notice was due', async () => {
      await given();
      const a = new AlertLife('a');
      await stage.at(0, a.fires());
      await stage.at(10, a.recovers());
      expect(await flushed(10)).toEqual([]);
    });

    it('does not notify of an alert that fired and ended while the notice of another was overdue', async () => {
      await given();
      const [a, brief] = alerts(2) as [AlertLife, AlertLife];
      await stage.at(0, a.fires());
      await stage.at(11, brief.fires(), brief.recovers());
      expect(await flushed(12)).toEqual([['group', 1, 'first notification', 'a0']]);
    });

    it('lists all members in several messages when they are too many for one', async () => {
      await given();
      const many = alerts(1200);
      await stage.at(0, ...many.map((life) => life.fires()));
      const messages = await stage.flush(10);
      expect(messages.map(({ sequence, reason, members, counts }) => [sequence, reason, members.length, counts.total])).toEqual([
        [1, 'first notification', 500, 1200],
        [2, 'new alerts added', 500, 1200],
        [3, 'new alerts added', 500, 1200],
      ]);
      expect(new Set(messages.flatMap(({ members }) => members.map(({ alert_id }) => alert_id))).size).toBe(1200);
      await stage.at(100, ...many.map((life) => life.recovers()));
      const over = await stage.flush(110);
      expect(over.map(({ reason, status, members }) => [reason, status, members.length])).toEqual([
        ['some alerts resolved', 'firing', 500],
        ['some alerts resolved', 'firing', 500],
        ['all alerts resolved', 'resolved', 200],
      ]);
    });

    it('keeps notifying its receivers after the strategy was deleted', async () => {
      await given({ converge: QUIET, notice: { receivers: ['ops'] } });
      const a = new AlertLife('a');
      await stage.at(0, a.fires());
      await stage.flush(10);
      stage.strategies.clear();
      await stage.at(100, a.recovers());
      await stage.flush(110);
      expect(stage.messages.map(({ receivers }) => receivers)).toEqual([['ops'], ['ops']]);
    });

    it('is one for each alert name of external senders', async () => {
      await given();
      await stage.at(0, ...['Disk', 'Cpu', 'Disk'].map((alert_name, index) => new AlertLife(`x${index}`, { strategy_id: 0, alert_name }).fires()));
      expect((await flushed(10)).map(([, , , names]) => names).sort()).toEqual(['x0, x2', 'x1']);
    });
  });

  describe('a message that came before or makes no sense', () => {
    it('changes nothing, and is counted', async () => {
      await given();
      const a = new AlertLife('a');
      const [first, end] = [a.fires(), a.recovers()];
      await stage.at(0, first);
      await stage.flush(10);
      await stage.at(20, first);
      await stage.at(100, end);
      await stage.flush(110);
      await stage.at(120, first, end, a.goesOn(), new AlertLife('unknown').recovers());
      expect(await flushed(100_000)).toEqual([]);
      expect(stage.service.ignored).toEqual({ already_applied: 3, ended: 1, unknown_end: 1 });
    });

    it('about an unknown alert creates a member, when it fires', async () => {
      await given();
      await stage.at(0, new AlertLife('a').goesOn({ transition: 7 }));
      expect(await flushed(10)).toEqual([['group', 1, 'first notification', 'a']]);
    });
  });

  describe('a storm', () => {
    it('takes the pending members, is due at once, and keeps every member in its updates', async () => {
      await given({ converge });
      const [notified, ...rest] = alerts(9) as [AlertLife, ...AlertLife[]];
      await stage.at(0, notified.fires());
      await stage.flush(10);
      await stage.at(20, ...rest.slice(0, 4).map((life) => life.fires()));
      expect(await flushed(20)).toEqual([]);
      await stage.at(21, ...rest.slice(4, 7).map((life) => life.fires()));
      expect(await flushed(21)).toEqual([['storm', 1, 'storm opened', 'a1, a2, a3, a4, a5, a6, a7']]);
      await stage.at(25, rest[7]!.fires());
      expect(await flushed(80)).toEqual([]);
      expect(await flushed(81)).toEqual([['storm', 2, 'storm updated', 'a1, a2, a3, a4, a5, a6, a7, a8']]);
      const [storm] = (await groups('notified')).filter(({ kind }) => kind === 'storm');
      expect((await members(storm!.converge_id)).filter(({ moved_from }) => moved_from !== null)).toHaveLength(4);
      await stage.at(90, ...rest.map((life) => life.recovers()), notified.recovers());
      expect((await flushed(150)).sort()).toEqual([
        ['group', 2, 'all alerts resolved', 'a0 over'],
        ['storm', 3, 'all alerts resolved', 'a1 over, a2 over, a3 over, a4 over, a5 over, a6 over, a7 over, a8 over'],
      ]);
    });

    it('leaves no pending group behind, and records where its alerts went', async () => {
      await given({ converge });
      await stage.at(0, ...alerts(6).map((life) => life.fires()));
      expect(await flushed(0)).toEqual([['storm', 1, 'storm opened', 'a0, a1, a2, a3, a4, a5']]);
      expect(await flushed(10)).toEqual([]);
      expect(await groups('ended')).toMatchObject([{ kind: 'group', end_reason: 'moved_to_storm', counts: { total: 0 } }]);
    });

    it('takes no alert that ended before it began', async () => {
      await given({ converge });
      const [brief, ...rest] = alerts(6) as [AlertLife, ...AlertLife[]];
      await stage.at(0, brief.fires(), brief.recovers(), ...rest.map((life) => life.fires()));
      await stage.flush(10);
      expect(await groups('ended')).toMatchObject([{ end_reason: 'ended_before_first_notice', counts: { total: 1 } }]);
    });

    it('does not begin from arrivals that are spread over time', async () => {
      await given({ converge });
      for (let second = 0; second < 200; second += 20) {
        await stage.at(second, new AlertLife(`s${second}`).fires());
        await stage.flush(second + 10);
      }
      expect(new Set(stage.messages.map(({ kind }) => kind))).toEqual(new Set(['group']));
    });

    it('stops accepting alerts when few arrive, and accepts them again above the threshold', async () => {
      await given({ converge });
      const [lasting, ...rest] = alerts(20) as [AlertLife, ...AlertLife[]];
      await stage.at(0, lasting.fires(), ...rest.slice(0, 5).map((life) => life.fires()));
      await stage.flush(0);
      await stage.at(100, rest[5]!.fires());
      expect(await flushed(110)).toEqual([['group', 1, 'first notification', 'a6']]);
      await stage.at(200, ...rest.slice(6, 12).map((life) => life.fires()));
      expect(await flushed(210)).toEqual([['storm', 2, 'storm updated', 'a0, a1, a10, a11, a12, a2, a3, a4, a5, a7, a8, a9']]);
    });

    it('leaves an alert in its own group when that is overdue', async () => {
      await given({ converge });
      const [overdue, ...rest] = alerts(7) as [AlertLife, ...AlertLife[]];
      await stage.at(0, overdue.fires());
      await stage.at(11, ...rest.map((life) => life.fires()), overdue.recovers());
      expect((await flushed(12)).sort()).toEqual([
        ['group', 1, 'first notification', 'a0'],
        ['storm', 1, 'storm opened', 'a1, a2, a3, a4, a5, a6'],
      ]);
    });

    it('lists a hundred, counts all, and lists the end of those that it listed', async () => {
      await given({ converge });
      const lives = alerts(250);
      await stage.at(0, ...lives.map((life, index) => life.fires({ severity: index === 3 ? 1 : 2 })));
      const [digest] = await stage.flush(0);
      expect(digest!.members).toHaveLength(100);
      expect(digest!.counts).toEqual({ firing: 250, resolved: 0, total: 250 });
      expect(digest!.severity).toBe(1);
      const listed = new Set(digest!.members.map(({ alert_id }) => alert_id));
      expect(listed.has('a3')).toBe(true);

      await stage.at(30, ...lives.slice(0, 249).map((life) => life.recovers()));
      const [update] = await stage.flush(60);
      expect(update!.counts).toEqual({ firing: 1, resolved: 249, total: 250 });
      const over = update!.members.filter(({ status }) => status === 'RECOVERED').map(({ alert_id }) => alert_id);
      expect(over.sort()).toEqual([...listed].filter((id) => id !== 'a249').sort());

      await stage.at(130, lives[249]!.recovers());
      const [last] = await stage.flush(200);
      expect(last).toMatchObject({ reason: 'all alerts resolved', status: 'resolved', counts: { firing: 0, resolved: 250, total: 250 } });
      const rows = await members(digest!.converge_id);
      expect(
        rows.filter(({ not_notified_reason, notified_firing_seq }) => (not_notified_reason === null) === (notified_firing_seq !== null)),
      ).toHaveLength(250);
      expect(rows.filter(({ not_notified_reason }) => not_notified_reason === 'counted_in_storm')).toHaveLength(
        rows.length - listed.size - (listed.has('a249') ? 0 : 1),
      );
    });

    it('is off with a threshold of 0', async () => {
      await given();
      await stage.at(0, ...alerts(100).map((life) => life.fires()));
      expect((await stage.flush(100)).map(({ kind }) => kind)).toEqual(['group']);
    });

    it('of one strategy does not touch another', async () => {
      await given({ converge });
      stage.strategies.set(2, aStrategy({ id: 2, name: 'other', converge }));
      await stage.at(0, ...alerts(3, 'b', { strategy_id: 2 }).map((life) => life.fires()), ...alerts(6).map((life) => life.fires()));
      expect((await flushed(10)).map(([kind, , , names]) => [kind, names]).sort()).toEqual([
        ['group', 'b0, b1, b2'],
        ['storm', 'a0, a1, a2, a3, a4, a5'],
      ]);
    });
  });

  describe('at work', () => {
    it('wakes the duty when a group is due earlier, after the commit', async () => {
      await given();
      const a = new AlertLife('a');
      await opened.database.transaction(async () => {
        await stage.service.apply([a.fires()], NOON);
        expect(stage.duties.wakes).toBe(0);
      });
      expect(stage.duties.wakes).toBe(1);
      await stage.at(1, a.goesOn());
      expect(stage.duties.wakes).toBe(1);
    });

    it('returns when the next group is due, at most a second ahead', async () => {
      await given();
      expect(await stage.flushes.flush(NOON)).toBe(1000);
      await stage.at(0, new AlertLife('a').fires());
      expect(await stage.flushes.flush(NOON)).toBe(1000);
      expect(await stage.flushes.flush(NOON + 9_700)).toBe(300);
    });

    it('needs the same few statements for a batch of any size', async () => {
      await given({ converge: { ...QUIET, group_by: ['host'] } });
      const { database } = opened;
      const cost = async (second: number, count: number) => {
        const spies = [jest.spyOn(database, 'query'), jest.spyOn(database, 'execute')];
        await stage.at(second, ...alerts(count, `b${second}-`).map((life, index) => life.fires({ dimensions: { host: `h${index}` } })));
        const calls = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
        spies.forEach((spy) => spy.mockRestore());
        return calls;
      };
      await cost(0, 1);
      expect(await cost(1, 2)).toBe(7);
      expect(await cost(2, 400)).toBe(7);
    });
  });
});
