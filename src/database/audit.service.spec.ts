import { databases, type TestDatabase } from '../../test/support/database.js';
import { person, system } from '../shared/actor.js';
import { AuditService } from './audit.service.js';

describe.each(databases)('the audit table (%s)', (_name, open) => {
  let on: TestDatabase;
  let audit: AuditService;
  beforeAll(async () => {
    on = await open();
    audit = new AuditService(on.database);
  });
  afterAll(() => on.close());
  beforeEach(() => on.database.transaction(() => on.database.execute('DELETE FROM audit')));

  const rows = () => on.database.query('SELECT at, actor_kind, actor_name, action, object_kind, object_id, why, detail FROM audit ORDER BY id');

  it('names who did what to which object, why, and what changed', async () => {
    const object = { kind: 'receiver', id: 'ops' };
    await audit.record({ actor: person('ann'), action: 'receiver.updated', object, why: 'moved', before: { a: 1 }, after: { a: 2 } }, 5);
    await audit.record({ actor: system('replica-1'), action: 'receiver.deleted', object }, 6);
    const of = { object_kind: 'receiver', object_id: 'ops' };
    expect((await rows()).map((row) => ({ ...row, at: Number(row['at']) }))).toEqual([
      {
        ...of,
        at: 5,
        actor_kind: 'person',
        actor_name: 'ann',
        action: 'receiver.updated',
        why: 'moved',
        detail: '{"before":{"a":1},"after":{"a":2}}',
      },
      { ...of, at: 6, actor_kind: 'system', actor_name: 'replica-1', action: 'receiver.deleted', why: '', detail: null },
    ]);
  });

  it('keeps no row of a write that was rolled back', async () => {
    const object = { kind: 'alert', id: 'x' };
    const write = on.database.transaction(async () => {
      await audit.record({ actor: person('ann'), action: 'alert.closed', object }, 5);
      throw new Error('later statement failed');
    });
    await expect(write).rejects.toThrow('later statement failed');
    expect(await rows()).toEqual([]);
  });

  it('takes names, ids and reasons that are too long, cut', async () => {
    const long = 'é'.repeat(5000);
    await audit.record({ actor: person(long), action: 'topic.created', object: { kind: 'topic', id: long }, why: long }, 5);
    const [row] = await rows();
    expect([row!['actor_name'], row!['object_id'], row!['why']].map((text) => (text as string).length)).toEqual([128, 255, 4000]);
  });
});
