import { NOON } from '../../test/support/builders.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { aGroup, aMember, aResolvedGroup, DutiesByHand } from '../../test/support/notices.js';
import type { ConvergedAlert } from '../topics.js';
import { AlertReader } from '../alert/alert.reader.js';
import { idempotencyKey } from './notice.js';
import { GroupCommit } from './group-commit.repository.js';
import { NoticeReader } from './notice.reader.js';
import { NoticeRepository } from './notice.repository.js';
import { NoticeService } from './notice.service.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';
import { ReceiverService } from './receiver.service.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import { person } from '../shared/actor.js';
import { AuditService } from '../database/audit.service.js';
import { parseReceiver } from './receiver.js';

describe.each(databases)('notices on %s', (_name, open) => {
  let on: TestDatabase;
  let reader: NoticeReader;
  let duties: DutiesByHand;
  let service: NoticeService;

  beforeAll(async () => {
    on = await open();
    reader = new NoticeReader(on.database);
  });
  afterAll(() => on.close());

  beforeEach(async () => {
    await on.database.transaction(async () => {
      for (const table of ['notice', 'notice_receiver', 'alert_timeline']) await on.database.execute(`DELETE FROM ${table}`);
    });
    duties = new DutiesByHand();
    const timelines = new TimelineRepository(on.database);
    const receivers = new ReceiverReader(on.database);
    service = new NoticeService(
      on.database,
      new NoticeRepository(on.database, timelines, new GroupCommit(on.database)),
      receivers,
      timelines,
      duties,
      new AuditService(on.database),
    );
    await new ReceiverService(on.database, new ReceiverRepository(on.database), receivers, new AuditService(on.database)).apply(
      [
        { name: 'ops', channel: 'console' },
        { name: 'dba', channel: 'console', is_default: false },
      ].map(parseReceiver),
      person('ann'),
      NOON,
    );
  });
  afterEach(() => jest.restoreAllMocks());

  const receive = (...groups: ConvergedAlert[]) => on.database.transaction(() => service.receive(groups, NOON));
  const notices = async (): Promise<string[]> =>
    (await reader.page({}, 1000))
      .map(({ receiver, sequence, state, reason }) => [receiver, sequence, state, reason].filter(Boolean).join(' '))
      .reverse();
  const timeline = async (id = 'alert-1') =>
    (await new AlertReader(on.database).timeline(id, 100)).map(({ what, why, detail }) => ({ what, why, detail }));

  it('are left for every receiver of a message, and the sender is woken', async () => {
    const group = aGroup({ receivers: ['ops', 'dba'] });
    await receive(group);
    expect(await notices()).toEqual(['ops 1 pending', 'dba 1 pending']);
    const [dba] = await reader.page({ receiver: 'dba' }, 1);
    expect(await reader.find(dba!.id)).toMatchObject({ idempotency_key: idempotencyKey('dba', group), attempts: 0, next_attempt_at: NOON, group });
    expect(duties.woken).toEqual(['notice']);
  });

  it('record in the timeline of every member which receiver is not notified and why', async () => {
    const members = [aMember(), aMember({ alert_id: 'alert-2' })];
    await receive(aGroup({ members, receivers: ['nobody'] }));
    expect(await notices()).toEqual(['nobody 1 not_sent unknown_receiver']);
    const detail = { receiver: 'nobody', converge_id: 'group-1', sequence: 1, kind: 'group', status: 'firing', members: 2 };
    expect(await timeline('alert-2')).toEqual([{ what: 'not_sent', why: 'unknown_receiver', detail }]);
  });

  it('of a recovery follow what was said before, in the same batch and in a later one', async () => {
    await receive(aGroup(), aResolvedGroup());
    await receive(aGroup({ converge_id: 'group-2' }));
    await receive(aResolvedGroup({ converge_id: 'group-2' }), aResolvedGroup({ converge_id: 'group-3' }));
    expect(await notices()).toEqual(['ops 1 pending', 'ops 2 pending', 'ops 1 pending', 'ops 2 pending', 'ops 2 not_sent never_notified']);
  });

  it('are left once, however often a message comes', async () => {
    await receive(aGroup({ receivers: ['ops', 'nobody'] }), aGroup({ receivers: ['ops', 'nobody'] }));
    await receive(aGroup({ receivers: ['ops', 'nobody'] }), aResolvedGroup());
    await receive(aGroup({ receivers: ['ops', 'nobody'] }), aResolvedGroup());
    expect(await notices()).toEqual(['ops 1 pending', 'nobody 1 not_sent unknown_receiver', 'ops 2 pending']);
    expect(await timeline()).toHaveLength(1);
  });

  it('do not notify an older state after a newer one', async () => {
    await receive(aGroup({ sequence: 3 }));
    await receive(aGroup({ sequence: 2 }));
    expect(await notices()).toEqual(['ops 3 pending', 'ops 2 not_sent overtaken']);
  });

  it('cost the same few statements for a thousand messages as for one', async () => {
    const reads = jest.spyOn(on.database, 'query');
    const writes = jest.spyOn(on.database, 'execute');
    const count = async (groups: ConvergedAlert[]): Promise<number> => {
      reads.mockClear();
      writes.mockClear();
      await receive(...groups);
      return reads.mock.calls.length + writes.mock.calls.length;
    };
    expect(await count([aGroup({ converge_id: 'first' })])).toBe(3);
    expect(await count(Array.from({ length: 1000 }, (_, index) => aGroup({ converge_id: `group-${index}` })))).toBe(3);
  });

  it('that are dead can be tried again, and only those', async () => {
    await receive(aGroup());
    const { id } = (await reader.page({}, 1))[0]!;
    await expect(service.replay(id, person('ann'), NOON)).rejects.toMatchObject({ code: 'T4006', status: 409 });
    await expect(service.replay(id + 1, person('ann'), NOON)).rejects.toMatchObject({ code: 'T4005', status: 404 });
    await on.database.transaction(() =>
      on.database.execute("UPDATE notice SET state = 'dead', reason = 'gave_up', first_attempt_at = 1, finished_at = 2"),
    );
    duties.woken.length = 0;
    await service.replay(id, person('ann'), NOON + 5);
    expect(await reader.find(id)).toMatchObject({
      state: 'pending',
      reason: null,
      next_attempt_at: NOON + 5,
      first_attempt_at: null,
      finished_at: null,
    });
    expect(duties.woken).toEqual(['notice']);
  });
});
