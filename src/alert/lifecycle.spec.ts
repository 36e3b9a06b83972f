import { anAlertEvent, NOON } from '../../test/support/builders.js';
import type { AlertEvent } from '../topics.js';
import type { Alert, AlertUpdate } from './alert.js';
import { acknowledge } from './commands.js';
import { person } from '../shared/actor.js';
import { applyEvent, supersedeAlert } from './lifecycle.js';

const LATER = NOON + 60_000;
const WRITTEN = NOON + 90_000;

function updated(alert: Alert | undefined, event: AlertEvent): AlertUpdate {
  const done = applyEvent(alert, event, WRITTEN);
  if ('ignored' in done) throw new Error(`ignored: ${done.ignored}`);
  return done;
}

const created = (): Alert => updated(undefined, anAlertEvent()).alert;
const acknowledged = (): Alert => (acknowledge(created(), {}, person('ann'), NOON) as AlertUpdate).alert;
const second = (overrides: Partial<AlertEvent>): AlertEvent => anAlertEvent({ event_id: 'alert-1-2', transition: 2, time: LATER, ...overrides });
const entries = ({ timeline }: AlertUpdate): string[] => timeline.map(({ what, actor }) => `${what} by ${actor}`);

describe('the life of an alert', () => {
  it('begins with the first message', () => {
    const { alert, timeline, changes } = updated(undefined, anAlertEvent());
    expect(alert).toMatchObject({ alert_id: 'alert-1', status: 'ABNORMAL', severity: 2, begin_time: NOON, transition_no: 1, created_at: WRITTEN });
    expect(timeline).toEqual([expect.objectContaining({ what: 'created', at: NOON, recorded_at: WRITTEN, why: 'threshold', transition_no: 1 })]);
    expect(changes).toEqual([expect.objectContaining({ what: 'created', from: null, to: 'ABNORMAL', by: 'detect', time: NOON })]);
  });

  it('raises the severity in place, and says so', () => {
    const raised = updated(created(), second({ kind: 'severity_changed', severity: 1, value: 99 }));
    expect(raised.alert).toMatchObject({ status: 'ABNORMAL', severity: 1, value: 99, latest_time: LATER, transition_no: 2 });
    expect(raised.timeline).toEqual([expect.objectContaining({ what: 'severity_changed', detail: { from: 2, to: 1, value: 99 } })]);
    expect(raised.changes).toEqual([expect.objectContaining({ what: 'severity_changed', from: '2', to: '1' })]);
  });

  it('takes the acknowledgement away when the severity rises', () => {
    const raised = updated(acknowledged(), second({ kind: 'severity_changed', severity: 1 }));
    expect(raised.alert).toMatchObject({ is_acknowledged: false, acknowledged_by: null, acknowledged_at: null });
    expect(entries(raised)).toEqual(['severity_changed by detect', 'unacknowledged by tocsin']);
    expect(raised.changes.map(({ what }) => what)).toEqual(['severity_changed', 'unacknowledged']);
  });

  it('keeps the acknowledgement when the severity falls', () => {
    const fallen = updated(acknowledged(), second({ kind: 'severity_changed', severity: 3 }));
    expect(fallen.alert).toMatchObject({ severity: 3, is_acknowledged: true, acknowledged_by: 'ann' });
    expect(entries(fallen)).toEqual(['severity_changed by detect']);
  });

  it('only refreshes the row while it is still abnormal', () => {
    const still = updated(
      acknowledged(),
      second({ kind: 'still_abnormal', value: 97, description: 'avg(cpu) = 97 > 80', annotations: { seen: 'twice' } }),
    );
    expect(still.alert).toMatchObject({
      value: 97,
      description: 'avg(cpu) = 97 > 80',
      annotations: { seen: 'twice' },
      latest_time: LATER,
      transition_no: 2,
      is_acknowledged: true,
    });
    expect([...still.timeline, ...still.changes]).toEqual([]);
  });

  it.each([
    ['RECOVERED', 'recovered'],
    ['CLOSED', 'closed'],
  ] as const)('ends %s', (status, what) => {
    const ended = updated(created(), second({ kind: what, status, reason: 'no_data', value: null }));
    expect(ended.alert).toMatchObject({ status, end_time: LATER, end_reason: 'no_data', value: 95 });
    expect(ended.timeline).toEqual([expect.objectContaining({ what, why: 'no_data', actor: 'detect', transition_no: 2 })]);
    expect(ended.changes).toEqual([expect.objectContaining({ what, from: 'ABNORMAL', to: status, why: 'no_data' })]);
  });

  it('keeps the latest time when a message is older', () => {
    expect(updated(created(), second({ kind: 'still_abnormal', time: NOON - 1 })).alert.latest_time).toBe(NOON);
  });

  it('ignores an event that was applied before', () => {
    expect(applyEvent(created(), anAlertEvent(), WRITTEN)).toEqual({ ignored: 'already_applied' });
    const ended = updated(created(), second({ kind: 'recovered', status: 'RECOVERED' })).alert;
    expect(applyEvent(ended, anAlertEvent(), WRITTEN)).toEqual({ ignored: 'already_applied' });
  });

  it('ignores what is said of an alert that has ended', () => {
    const ended = updated(created(), second({ kind: 'recovered', status: 'RECOVERED' })).alert;
    expect(applyEvent(ended, anAlertEvent({ transition: 3, severity: 1 }), WRITTEN)).toEqual({ ignored: 'ended' });
  });

  it('applies a message after a gap, and notes what never arrived', () => {
    const ended = updated(created(), anAlertEvent({ transition: 5, kind: 'recovered', status: 'RECOVERED', time: LATER }));
    expect(ended.alert).toMatchObject({ status: 'RECOVERED', transition_no: 5 });
    expect(ended.timeline[0]).toMatchObject({ what: 'gap', why: 'messages 2 to 4 are missing', detail: { from: 2, to: 4 } });
    expect(entries(ended)).toEqual(['gap by tocsin', 'recovered by detect']);
  });

  it('keeps an alert whose first event is missing', () => {
    const only = updated(undefined, second({ kind: 'recovered', status: 'RECOVERED' }));
    expect(only.alert).toMatchObject({ status: 'RECOVERED', begin_time: NOON, end_time: LATER });
    expect(entries(only)).toEqual(['gap by tocsin', 'created by detect', 'recovered by detect']);
  });

  it('is closed when another alert of its key fires', () => {
    const closed = supersedeAlert(created(), anAlertEvent({ alert_id: 'alert-2', time: LATER }), WRITTEN);
    expect(closed.alert).toMatchObject({ status: 'CLOSED', end_reason: 'superseded', end_time: LATER, transition_no: 1 });
    expect(closed.timeline).toEqual([expect.objectContaining({ what: 'closed', actor: 'tocsin', why: 'superseded', detail: { by: 'alert-2' } })]);
  });

  it('gives the same message the same change id, and every change its own', () => {
    const raise = second({ kind: 'severity_changed', severity: 1 });
    const ids = updated(acknowledged(), raise).changes.map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBe(2);
    expect(updated(acknowledged(), raise).changes.map(({ event_id }) => event_id)).toEqual(ids);
  });
});
