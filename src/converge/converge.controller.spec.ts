import { aStrategy } from '../../test/support/builders.js';
import { AlertLife, alerts, ConvergeReplica } from '../../test/support/converge.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { ConvergeController } from './converge.controller.js';
import { groupQuery, memberQuery } from './group-query.js';
import { parseRequest } from '../shared/parse.js';

const converge = { group_by: ['host'], group_wait: 10, storm: { threshold: 9, window: 60 } };

describe.each(databases)('The groups API on %s', (_, open) => {
  let opened: TestDatabase;
  let stage: ConvergeReplica;
  let api: ConvergeController;

  /** Twelve groups, one of them ended, of which two belong to business 3; and a storm of ten alerts. */
  beforeAll(async () => {
    opened = await open();
    const strategies = [1, 2, 3].map((id) => [id, aStrategy({ id, name: `strategy ${id}`, converge })] as const);
    stage = new ConvergeReplica(opened.database, new Map(strategies));
    api = new ConvergeController(stage.reader);
    const over = new AlertLife('over', { strategy_id: 3 });
    await stage.at(0, over.fires());
    await stage.at(1, over.recovers());
    for (let index = 0; index < 9; index++) {
      await stage.at(index, new AlertLife(`a${index}`, { dimensions: { host: `h${index}` }, bk_biz_id: index < 2 ? '3' : '2' }).fires());
    }
    await stage.at(20, ...alerts(10, 'b', { strategy_id: 2, strategy_name: 'strategy 2' }).map((life) => life.fires()));
    await stage.flush(30);
    await stage.at(40, new AlertLife('c', { dimensions: { host: 'new' } }).fires());
  });
  afterAll(() => opened.close());

  const list = async (query: object) => api.list(parseRequest(groupQuery, query));
  const get = async (id: string, query: object) => api.get(id, parseRequest(memberQuery, query));

  it('lists open groups, newest first, with what is known of each', async () => {
    const { groups, next_cursor } = await list({});
    expect(next_cursor).toBeNull();
    expect(groups).toHaveLength(11);
    expect(groups[0]).toMatchObject({ state: 'pending', dimensions: { host: 'new' }, counts: { firing: 1, resolved: 0, total: 1 }, sequence_no: 0 });
    expect(groups[1]).toMatchObject({
      state: 'notified',
      kind: 'storm',
      name: 'strategy 2',
      severity: 2,
      counts: { firing: 10, total: 10 },
      receivers: [],
    });
    expect(groups[0]).not.toHaveProperty('open_key');
  });

  it.each([
    ['kind', { kind: 'storm' }, 1],
    ['business', { bk_biz_id: '3' }, 2],
    ['state', { state: 'ended' }, 2],
    ['several states', { state: 'ended,pending' }, 3],
    ['strategy', { strategy_id: '1' }, 10],
    ['everything at once', { strategy_id: '1', kind: 'group', state: 'notified', bk_biz_id: '2' }, 7],
  ])('filters by %s', async (_name, query, count) => {
    expect((await list(query)).groups).toHaveLength(count);
  });

  it('goes through all groups page by page', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<ConvergeController['list']>> = await list({ limit: '4', ...(cursor && { cursor }) });
      seen.push(...page.groups.map(({ converge_id }) => converge_id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toEqual((await list({})).groups.map(({ converge_id }) => converge_id));
  });

  it('shows a group with its members, page by page', async () => {
    const [storm] = (await list({ kind: 'storm' })).groups;
    const first = await get(storm!.converge_id, { limit: '7' });
    const second = await get(storm!.converge_id, { limit: '7', cursor: first.next_cursor });
    expect([...first.members, ...second.members].map(({ alert_id }) => alert_id).sort()).toEqual(alerts(10, 'b').map(({ id }) => id));
    expect(second.next_cursor).toBeNull();
    expect(first.members[0]).toMatchObject({ phase: 'notified', notified_firing_seq: 1, alert: { status: 'ABNORMAL' } });
  });

  it('says T4004 for a group that is not there', async () => {
    await expect(get('nothing', {})).rejects.toMatchObject({ code: 'T4004', status: 404 });
  });

  it.each([
    ['limit', { limit: '0' }],
    ['limit', { limit: '1001' }],
    ['kind', { kind: 'crowd' }],
    ['state', { state: 'open' }],
    ['cursor', { cursor: 'x' }],
    ['strategy_id', { strategy_id: 'one' }],
    ['bk_biz_id', { bk_biz_id: ['1', '2'] }],
    ['colour', { colour: 'red' }],
  ])('says T3003 and names the field when %s is wrong: %j', async (field, query) => {
    await expect(list(query)).rejects.toMatchObject({ code: 'T3003', message: expect.stringContaining(field) });
  });
});
