import { aGroup, aMember } from '../../test/support/notices.js';
import type { DeliveryOutcome } from './channels/channel.js';
import { type DueNotice, idempotencyKey, settleNotice } from './notice.js';

const NOW = 1_000_000;
const patience = { firstMs: 1000, mostMs: 60_000, giveUpMs: 600_000 };
const group = aGroup({ members: [aMember(), aMember({ alert_id: 'alert-2' })] });

const notice = (fields: Partial<DueNotice> = {}): DueNotice => ({
  id: 7,
  receiver: 'ops',
  converge_id: group.converge_id,
  sequence: group.sequence,
  idempotency_key: idempotencyKey('ops', group),
  status: 'firing',
  state: 'sending',
  reason: null,
  attempts: 1,
  next_attempt_at: NOW + 1000,
  created_at: NOW,
  first_attempt_at: NOW,
  finished_at: null,
  last_code: null,
  last_error: null,
  group,
  ...fields,
});
const failed: DeliveryOutcome = { kind: 'failed', reason: 'http_503', error: '503: busy', retry: true, code: 503 };
const after = (outcome: DeliveryOutcome, fields: Partial<DueNotice> = {}) =>
  settleNotice(notice(fields), { outcome, latencyMs: 12.4 }, NOW, patience, 0);

describe('what becomes of a notice', () => {
  it('is sent when it was delivered, and every member says so', () => {
    const settled = after({ kind: 'delivered', code: 200 });
    expect(settled).toMatchObject({ state: 'sent', reason: null, last_code: 200, last_error: null });
    expect(settled.timeline.map(({ alert_id }) => alert_id)).toEqual(['alert-1', 'alert-2']);
    expect(settled.timeline[0]).toMatchObject({
      what: 'notified',
      actor: 'notice',
      why: 'first notification',
      at: NOW,
      detail: {
        receiver: 'ops',
        attempt: 1,
        code: 200,
        latency_ms: 12,
        converge_id: 'group-1',
        sequence: 1,
        kind: 'group',
        status: 'firing',
        members: 2,
      },
    });
  });

  it('waits after a failure that may pass, and the timeline has the first failure only', () => {
    expect(after(failed)).toMatchObject({ state: 'pending', next_attempt_at: NOW + 500, last_code: 503, last_error: '503: busy' });
    expect(after(failed).timeline).toMatchObject([{ what: 'not_sent', why: '503: busy; will be retried' }, {}]);
    expect(after(failed, { attempts: 3 })).toMatchObject({ state: 'pending', next_attempt_at: NOW + 2000, timeline: [] });
  });

  it('honours Retry-After', () => {
    expect(after({ ...failed, retryAfterMs: 30_000 })).toMatchObject({ state: 'pending', next_attempt_at: NOW + 30_000 });
  });

  it('is dead after a failure that cannot pass, and every member says why', () => {
    const settled = after({ kind: 'failed', reason: 'http_404', error: '404: no such hook', retry: false, code: 404 });
    expect(settled).toMatchObject({ state: 'dead', reason: 'http_404', last_error: '404: no such hook' });
    expect(settled.timeline).toMatchObject([{ alert_id: 'alert-1', what: 'not_sent', why: '404: no such hook; http_404' }, { alert_id: 'alert-2' }]);
  });

  it('is dead when patience ends, counted from the first try', () => {
    expect(after(failed, { attempts: 20, first_attempt_at: NOW - 599_999 })).toMatchObject({ state: 'pending' });
    expect(after(failed, { attempts: 20, first_attempt_at: NOW - 600_000 })).toMatchObject({ state: 'dead', reason: 'gave_up' });
    expect(after(failed, { created_at: 0 })).toMatchObject({ state: 'pending' });
  });

  it('is written into the timelines of a thousand members of a digest at most', () => {
    const members = Array.from({ length: 1500 }, (_, index) => aMember({ alert_id: `alert-${index}` }));
    const { timeline } = after({ kind: 'delivered' }, { group: aGroup({ members }) });
    expect(timeline).toHaveLength(1000);
    expect(timeline[0]!.detail).toMatchObject({ members: 1500 });
  });
});

describe('the idempotency key', () => {
  it('differs between receivers, groups and sequence numbers, and between nothing else', () => {
    const keys = [
      idempotencyKey('ops', group),
      idempotencyKey('dba', group),
      idempotencyKey('ops', { ...group, sequence: 2 }),
      idempotencyKey('ops', { ...group, converge_id: 'group-2' }),
    ];
    expect(new Set(keys).size).toBe(4);
    expect(idempotencyKey('ops', { ...group, ...{ reason: 'storm updated' } })).toBe(keys[0]);
  });
});
