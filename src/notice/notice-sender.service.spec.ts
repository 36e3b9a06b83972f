import { Logger } from '@nestjs/common';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { aGroup, aResolvedGroup, DutiesByHand } from '../../test/support/notices.js';
import { type Received, type Reply, WebhookReceiver } from '../../test/support/webhook-receiver.js';
import { parseConfig } from '../config.js';
import { Metrics } from '../runtime/metrics.service.js';
import type { ConvergedAlert } from '../topics.js';
import { AlertReader } from '../alert/alert.reader.js';
import { Outbound } from './channels/outbound.client.js';
import { NoticeDelivery } from './notice-delivery.service.js';
import { NoticeSender } from './notice-sender.service.js';
import { GroupCommit } from './group-commit.repository.js';
import { NoticeReader } from './notice.reader.js';
import { NoticeRepository } from './notice.repository.js';
import { NoticeService } from './notice.service.js';
import type { Receiver } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';
import { ReceiverRepository } from './receiver.repository.js';
import { ReceiverService } from './receiver.service.js';
import { TimelineRepository } from '../database/timeline.repository.js';
import { person } from '../shared/actor.js';
import { AuditService } from '../database/audit.service.js';
import { parseReceiver } from './receiver.js';

const FAST = { NOTICE_CONCURRENCY: '8', NOTICE_RETRY_MS: '1', NOTICE_RETRY_MAX_MS: '2', SHUTDOWN_MS: '20' };
const keyOf = ({ headers }: Received): unknown => headers['idempotency-key'];
const sequenceOf = ({ body }: Received): string => (JSON.parse(body) as { notification_reason: string }).notification_reason;

describe.each(databases)('the sender of notices on %s', (_name, open) => {
  let on: TestDatabase;
  let reader: NoticeReader;
  let receivers: ReceiverService;
  let notices: NoticeRepository;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    on = await open();
    reader = new NoticeReader(on.database);
    receivers = new ReceiverService(on.database, new ReceiverRepository(on.database), new ReceiverReader(on.database), new AuditService(on.database));
    notices = new NoticeRepository(on.database, new TimelineRepository(on.database), new GroupCommit(on.database));
  });
  afterAll(() => on.close());
  beforeEach(() =>
    on.database.transaction(async () => {
      for (const table of ['notice', 'notice_receiver', 'alert_timeline']) await on.database.execute(`DELETE FROM ${table}`);
    }),
  );
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** The sender of one process. */
  function aSender(settings: Record<string, string> = {}): { sender: NoticeSender; duties: DutiesByHand } {
    const config = parseConfig({ ...FAST, ...settings });
    const duties = new DutiesByHand();
    const outbound = new Outbound();
    const delivery = new NoticeDelivery(config, new ReceiverReader(on.database), outbound);
    const sender = new NoticeSender(config, notices, delivery, duties, new Metrics());
    closers.push(async () => {
      await sender.beforeApplicationShutdown();
      await outbound.onApplicationShutdown();
    });
    return { sender, duties };
  }

  async function aReceiver(name: string, reply?: (request: Received, number: number) => Reply, settings: object = {}): Promise<WebhookReceiver> {
    const server = await WebhookReceiver.open(reply);
    closers.push(() => server.close());
    await receivers.create(parseReceiver({ name, channel: 'webhook', settings: { url: server.url, ...settings } }), person('ann'), 0);
    return server;
  }

  const due = (...groups: ConvergedAlert[]): Promise<void> => {
    const service = new NoticeService(
      on.database,
      notices,
      new ReceiverReader(on.database),
      new TimelineRepository(on.database),
      new DutiesByHand(),
      new AuditService(on.database),
    );
    return on.database.transaction(() => service.receive(groups, Date.now()));
  };
  const first = async () => (await notices.due('ops', Date.now(), 1))[0]!;
  const all = async () => (await reader.page({}, 1000)).reverse();
  const states = async (): Promise<string[]> => (await all()).map(({ receiver, sequence, state }) => `${receiver} ${sequence} ${state}`);
  const whats = async (): Promise<string[]> =>
    (await new AlertReader(on.database).timeline('alert-1', 100)).map(({ what, why }) => `${what}: ${why}`);

  /** Runs the task until `done` resolves to true; each run follows the wait that the previous one returned, or the end of a delivery. */
  async function work({ sender, duties }: ReturnType<typeof aSender>, done: () => Promise<boolean>): Promise<void> {
    while (!(await done())) {
      const woken = duties.nextWake();
      const wait = await sender.work(Date.now());
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([woken, new Promise((resolve) => (timer = setTimeout(resolve, Math.min(wait, 20))))]);
      clearTimeout(timer);
    }
  }
  const settled = async (): Promise<boolean> => (await all()).every(({ state }) => state === 'sent' || state === 'dead');

  it('delivers due notices once, and records them in the timeline', async () => {
    const ops = await aReceiver('ops');
    await due(aGroup());
    await work(aSender(), settled);
    const [notice] = await all();
    expect(notice).toMatchObject({ state: 'sent', attempts: 1, last_code: 200 });
    expect(ops.received.map(keyOf)).toEqual([notice!.idempotency_key]);
    expect(await whats()).toEqual(['notified: first notification']);
  });

  it('tries again under the same key until the receiver takes it', async () => {
    const ops = await aReceiver('ops', (_request, number) => ({ code: number < 4 ? 503 : 200 }));
    await due(aGroup());
    await work(aSender(), settled);
    expect(new Set(ops.received.map(keyOf)).size).toBe(1);
    expect(ops.received).toHaveLength(4);
    expect(await all()).toMatchObject([{ state: 'sent', attempts: 4 }]);
    expect(await whats()).toEqual(['not_sent: 503; will be retried', 'notified: first notification']);
  });

  it('keeps the order within a group: what comes later waits for what came before', async () => {
    const ops = await aReceiver('ops', (_request, number) => ({ code: number < 3 ? 500 : 200 }));
    await due(aGroup(), aGroup({ sequence: 2, reason: 'new alerts added' }), aResolvedGroup({ sequence: 3 }));
    await work(aSender(), settled);
    expect(ops.received.map(sequenceOf)).toEqual([
      'first notification',
      'first notification',
      'first notification',
      'new alerts added',
      'all alerts resolved',
    ]);
  });

  it('continues with the group after a notice is dead', async () => {
    const ops = await aReceiver('ops', (_request, number) => ({ code: number === 1 ? 400 : 200 }));
    await due(aGroup(), aResolvedGroup());
    await work(aSender(), settled);
    expect(await states()).toEqual(['ops 1 dead', 'ops 2 sent']);
    expect(ops.received).toHaveLength(2);
    expect(await whats()).toEqual(['not_sent: 400; http_400', 'notified: all alerts resolved']);
  });

  it('honours Retry-After of the receiver', async () => {
    await aReceiver('ops', () => ({ code: 429, headers: { 'retry-after': '3600' } }));
    await due(aGroup());
    const before = Date.now();
    await work(aSender(), async () => (await all())[0]!.attempts === 1 && (await all())[0]!.state === 'pending');
    expect((await all())[0]!.next_attempt_at).toBeGreaterThanOrEqual(before + 3_600_000);
  });

  it('marks a notice dead after the retry timeout, and can retry it on request', async () => {
    let well = false;
    const ops = await aReceiver('ops', () => ({ code: well ? 200 : 500 }));
    await due(aGroup());
    await work(aSender({ NOTICE_RETRY_TIMEOUT_MS: '0' }), settled);
    expect(await all()).toMatchObject([{ state: 'dead', reason: 'gave_up', last_error: '500' }]);
    well = true;
    await on.database.transaction(async () => expect(await notices.revive((await all())[0]!.id, Date.now())).toBe(true));
    await work(aSender(), settled);
    expect(await states()).toEqual(['ops 1 sent']);
    expect(new Set(ops.received.map(keyOf)).size).toBe(1);
  });

  it('does not let others wait for a receiver that hangs', async () => {
    const slow = await aReceiver('slow', () => 'hang');
    const ops = await aReceiver('ops');
    const groups = Array.from({ length: 30 }, (_, index) => aGroup({ converge_id: `group-${index}` }));
    await due(...groups);
    await work(aSender({ NOTICE_TIMEOUT_MS: '60000' }), async () =>
      (await all()).every(({ receiver, state }) => receiver === 'slow' || state === 'sent'),
    );
    expect(ops.received).toHaveLength(30);
    expect(slow.received.length).toBeLessThan(30);
    expect((await all()).filter(({ receiver, state }) => receiver === 'slow' && state === 'sent')).toEqual([]);
  });

  it('cuts off a receiver that hangs, and tries again', async () => {
    const ops = await aReceiver('ops', (_request, number) => (number === 1 ? 'hang' : { code: 200 }), { timeout_ms: 100 });
    await due(aGroup());
    await work(aSender({ NOTICE_TIMEOUT_MS: '60000' }), settled);
    expect(await all()).toMatchObject([{ state: 'sent', attempts: 2 }]);
    expect((await whats())[0]).toBe('not_sent: timeout; will be retried');
    expect(new Set(ops.received.map(keyOf)).size).toBe(1);
  });

  it('sends again what a process left behind that died inside a delivery, when its claim runs out', async () => {
    const ops = await aReceiver('ops');
    await due(aGroup(), aResolvedGroup());
    const now = Date.now();
    expect(await notices.due('ops', now, 10)).toHaveLength(1);
    await notices.claim(await first(), now, now + 10_000);
    const sender = aSender();
    await sender.sender.work(now);
    expect(ops.received).toEqual([]);
    await sender.sender.work(now + 10_000);
    await work(sender, settled);
    expect(await states()).toEqual(['ops 1 sent', 'ops 2 sent']);
    expect((await all())[0]!.attempts).toBe(2);
  });

  it('sends once when two senders work at the same time', async () => {
    const ops = await aReceiver('ops');
    await due(...Array.from({ length: 40 }, (_, index) => aGroup({ converge_id: `group-${index}` })));
    const [one, other] = [aSender(), aSender()];
    await Promise.all([work(one, settled), work(other, settled)]);
    expect(ops.received).toHaveLength(40);
    expect(new Set(ops.received.map(keyOf)).size).toBe(40);
  });

  it('does not write down what came of a try whose claim is another sender’s by now', async () => {
    await aReceiver('ops');
    await due(aGroup());
    const candidate = await first();
    const one = await notices.claim(candidate, 1, 2);
    expect(await notices.claim(candidate, 1, 2)).toBeUndefined();
    const other = await notices.claim(await first(), 3, 4);
    const settlement = { state: 'sent', reason: null, next_attempt_at: 5, last_code: 200, last_error: null, timeline: [] } as const;
    expect(await notices.settle(one!, settlement, 5)).toBe(false);
    expect(await notices.settle(other!, settlement, 5)).toBe(true);
  });

  it('writes down what came of a delivery although the database fails for a moment', async () => {
    const ops = await aReceiver('ops');
    await due(aGroup());
    const settle = notices.settle.bind(notices);
    let failures = 0;
    jest
      .spyOn(notices, 'settle')
      .mockImplementation((...given) => (failures++ < 3 ? Promise.reject(new Error('database is away')) : settle(...given)));
    await work(aSender(), settled);
    expect(await states()).toEqual(['ops 1 sent']);
    expect(ops.received).toHaveLength(1);
  });

  it('leaves notices that it cannot claim to a later run', async () => {
    const ops = await aReceiver('ops');
    await due(...Array.from({ length: 20 }, (_, index) => aGroup({ converge_id: `group-${index}` })));
    const claims = jest.spyOn(notices, 'claim').mockRejectedValue(new Error('database is read-only'));
    const sender = aSender();
    await sender.sender.work(Date.now());
    await sender.sender.beforeApplicationShutdown();
    expect(claims).toHaveBeenCalledTimes(8);
    expect(sender.duties.woken).toEqual([]);
    claims.mockRestore();
    await work(aSender(), settled);
    expect(ops.received).toHaveLength(20);
  });

  it('keeps what waits for a receiver that is gone or disabled as dead letters', async () => {
    await aReceiver('ops');
    await due(aGroup());
    const [{ id, name, channel, settings }] = (await new ReceiverReader(on.database).all()) as [Receiver];
    await receivers.replace(id, parseReceiver({ name, channel, settings, is_enabled: false }), person('ann'), 0);
    await work(aSender(), settled);
    expect(await all()).toMatchObject([{ state: 'dead', reason: 'receiver_disabled' }]);
    await receivers.remove(id, person('ann'), 0);
    await on.database.transaction(async () => notices.revive((await all())[0]!.id, Date.now()));
    await work(aSender(), settled);
    expect(await all()).toMatchObject([{ state: 'dead', reason: 'receiver_deleted' }]);
  });

  it('leaves a delivery that hangs behind when the process stops, to be tried again', async () => {
    const ops = await aReceiver('ops', () => 'hang');
    await due(aGroup());
    const { sender } = aSender();
    await sender.work(Date.now());
    await ops.requests(1);
    await sender.beforeApplicationShutdown();
    expect(await all()).toMatchObject([{ state: 'pending', attempts: 1 }]);
  });
});
