import { databases, type TestDatabase } from '../../../test/support/database.js';
import { AuditService } from '../../database/audit.service.js';
import { person, system } from '../../shared/actor.js';
import { idCursor } from '../../shared/page.js';
import { AuditController } from './audit.controller.js';
import { AuditReader } from './audit.reader.js';

describe.each(databases)('the audit log (%s)', (_name, open) => {
  let on: TestDatabase;
  let log: AuditController;
  beforeAll(async () => {
    on = await open();
    log = new AuditController(new AuditReader(on.database));
    const audit = new AuditService(on.database);
    const ops = { kind: 'receiver', id: 'ops' };
    const cpu = { kind: 'strategy', id: '7' };
    await audit.record({ actor: person('ann'), action: 'receiver.created', object: ops, after: { name: 'ops' } }, 10);
    await audit.record({ actor: person('bob'), action: 'strategy.updated', object: cpu, why: 'noise', before: { priority: 1 }, after: null }, 20);
    await audit.record({ actor: system('replica-1'), action: 'strategy.deleted', object: cpu }, 30);
  });
  afterAll(() => on.close());

  const actions = async (filter: Partial<Parameters<AuditController['list']>[0]>): Promise<string[]> =>
    (await log.list({ limit: 50, ...filter })).entries.map(({ action }) => action);

  it('names who did what to which object, why, and what changed, newest first', async () => {
    const { entries, next_cursor } = await log.list({ limit: 50 });
    expect(next_cursor).toBeNull();
    expect(entries).toEqual([
      { id: entries[0]!.id, at: 30, actor: system('replica-1'), action: 'strategy.deleted', object: { kind: 'strategy', id: '7' }, why: '' },
      {
        id: entries[1]!.id,
        at: 20,
        actor: person('bob'),
        action: 'strategy.updated',
        object: { kind: 'strategy', id: '7' },
        why: 'noise',
        before: { priority: 1 },
        after: null,
      },
      {
        id: entries[2]!.id,
        at: 10,
        actor: person('ann'),
        action: 'receiver.created',
        object: { kind: 'receiver', id: 'ops' },
        why: '',
        after: { name: 'ops' },
      },
    ]);
  });

  it.each([
    [{ actor: 'ann' }, ['receiver.created']],
    [{ action: 'strategy.updated' }, ['strategy.updated']],
    [{ object_kind: 'strategy' }, ['strategy.deleted', 'strategy.updated']],
    [{ object_kind: 'strategy', object_id: 'ops' }, []],
    [{ from: 20 }, ['strategy.deleted', 'strategy.updated']],
    [{ from: 10, to: 30 }, ['strategy.updated', 'receiver.created']],
  ])('is filtered by %j', async (filter, expected) => {
    expect(await actions(filter)).toEqual(expected);
  });

  it('comes in pages', async () => {
    const first = await log.list({ limit: 2 });
    expect(first.entries).toHaveLength(2);
    const second = await log.list({ limit: 2, cursor: idCursor.parse(first.next_cursor) });
    expect(second.entries.map(({ action }) => action)).toEqual(['receiver.created']);
    expect(second.next_cursor).toBeNull();
  });
});
