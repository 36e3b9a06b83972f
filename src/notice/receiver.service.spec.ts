import { databases, type TestDatabase } from '../../test/support/database.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';
import { ReceiverService } from './receiver.service.js';
import { person } from '../shared/actor.js';
import { AuditService } from '../database/audit.service.js';
import { parseReceiver } from './receiver.js';

const ops = { name: 'ops', channel: 'webhook', settings: { url: 'http://127.0.0.1:1/x' } };

const ann = person('ann');

describe.each(databases)('receivers on %s', (_name, open) => {
  let on: TestDatabase;
  let reader: ReceiverReader;
  let receivers: ReceiverService;

  beforeAll(async () => {
    on = await open();
    reader = new ReceiverReader(on.database);
    receivers = new ReceiverService(on.database, new ReceiverRepository(on.database), reader, new AuditService(on.database));
  });
  afterAll(() => on.close());
  beforeEach(() => on.database.transaction(() => on.database.execute('DELETE FROM notice_receiver')));

  it('are created, replaced and removed', async () => {
    const created = await receivers.create(parseReceiver(ops), ann, 1);
    expect(created).toEqual({ ...ops, id: created.id, send_resolved: true, is_default: true, is_enabled: true, created_at: 1, updated_at: 1 });
    const replaced = await receivers.replace(created.id, parseReceiver({ ...ops, name: 'operators', send_resolved: false }), ann, 2);
    expect(replaced).toEqual({ ...created, name: 'operators', send_resolved: false, updated_at: 2 });
    expect(await reader.all()).toEqual([replaced]);
    await receivers.remove(created.id, ann, 3);
    expect(await reader.all()).toEqual([]);
  });

  it('have names of their own, in whatever case', async () => {
    await receivers.create(parseReceiver(ops), ann, 1);
    const other = await receivers.create(parseReceiver({ ...ops, name: 'dba' }), ann, 1);
    await expect(receivers.create(parseReceiver({ ...ops, name: 'OPS' }), ann, 1)).rejects.toMatchObject({ code: 'T4007', status: 409 });
    await expect(receivers.replace(other.id, parseReceiver(ops), ann, 1)).rejects.toMatchObject({ code: 'T4007' });
  });

  it('have names of their own also when two are created at once', async () => {
    const both = await Promise.allSettled([receivers.create(parseReceiver(ops), ann, 1), receivers.create(parseReceiver(ops), ann, 1)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'T4007' } });
  });

  it('are not found when they do not exist', async () => {
    await expect(receivers.replace(404, parseReceiver(ops), ann, 1)).rejects.toMatchObject({ code: 'T4002' });
    await expect(receivers.remove(404, ann, 3)).rejects.toMatchObject({ code: 'T4002' });
  });

  it('are applied by name from a rules file, again and again', async () => {
    await receivers.create(parseReceiver({ ...ops, name: 'kept' }), ann, 1);
    expect(await receivers.apply([ops].map(parseReceiver), ann, 2)).toEqual({ created: ['ops'], updated: [], unchanged: [] });
    const stored = await reader.all();
    expect(await receivers.apply([ops].map(parseReceiver), ann, 3)).toEqual({ created: [], updated: [], unchanged: ['ops'] });
    expect(await reader.all()).toEqual(stored);
    expect(await receivers.apply([{ ...ops, is_default: false }].map(parseReceiver), ann, 4)).toEqual({
      created: [],
      updated: ['ops'],
      unchanged: [],
    });
    expect((await reader.all()).map(({ name, is_default }) => [name, is_default])).toEqual([
      ['kept', true],
      ['ops', false],
    ]);
  });

  it('are applied all or not at all', async () => {
    const refused = { ...parseReceiver({ ...ops, name: 'second' }), channel: null as never };
    await expect(receivers.apply([parseReceiver(ops), refused], ann, 1)).rejects.toThrow();
    expect(await reader.all()).toEqual([]);
  });
});
