import { anAlertEvent, NOON } from '../../test/support/builders.js';
import type { AlertEvent } from '../topics.js';
import type { Alert, Effect } from './alert.js';
import { acknowledge } from './commands.js';
import { person } from '../shared/actor.js';
import { apply, supersede } from './lifecycle.js';

const LATER = NOON + 60_000;
const WRITTEN = NOON + 90_000;

function effect(alert: Alert | undefined, event: AlertEvent): Effect {
  const done = apply(alert, event, WRITTEN);
  if ('ignored' in done) throw new Error(`ignored: ${done.ignored}`);
  return done;
}

const born = (): Alert => effect(undefined, anAlertEvent()).alert;
const acknowledged = (): Alert => (acknowledge(born(), {}, person('ann'), NOON) as Effect).alert;
const second = (overrides: Partial<AlertEvent>): AlertEvent => anAlertEvent({ event_id: 'alert-1-2', transition: 2, time: LATER, ...overrides });
const told = ({ timeline }: Effect): string[] => timeline.map(({ what, actor }) => `${what} by ${actor}`);

describe('the life of an alert', () => {
  it('begins with the first message', () => {
    const { alert, timeline, changes } = effect(undefined, anAlertEvent());
    expect(alert).toMatchObject({ alert_id: 'alert-1', status: 'ABNORMAL', severity: 2, begin_time: NOON, transition_no: 1, created_at: WRITTEN });
    expect(timeline).toEqual([expect.objectContaining({ what: 'created', at: NOON, recorded_at: WRITTEN, why: 'threshold', transition_no: 1 })]);
    expect(changes).toEqual([expect.objectContaining({ what: 'created', from: null, to: 'ABNORMAL', by: 'detect', time: NOON })]);
  });

  it('raises the severity in place, and says so', () => {
    const raised = effect(born(), second({ kind: 'severity_changed', severity: 1, value: 99 }));
    expect(raised.alert).toMatchObject({ status: 'ABNORMAL', severity: 1, value: 99, latest_time: LATER, transition_no: 2 });
    expect(raised.timeline).toEqual([expect.objectContaining({ what: 'severity_changed', detail: { from: 2, to: 1, value: 99 } })]);
    expect(raised.changes).toEqual([expect.objectContaining({ what: 'severity_changed', from: '2', to: '1' })]);
  });

  it('takes the acknowledgement away when the severity rises', () => {
    const raised = effect(acknowledged(), second({ kind: 'severity_changed', severity: 1 }));
    expect(raised.alert).toMatchObject({ is_acknowledged: false, acknowledged_by: null, acknowledged_at: null });
    expect(told(raised)).toEqual(['severity_changed by detect', 'unacknowledged by tocsin']);
    expect(raised.changes.map(({ what }) => what)).toEqual(['severity_changed', 'unacknowledged']);
  });

  it('keeps the acknowledgement when the severity falls', () => {
    const fallen = effect(acknowledged(), second({ kind: 'severity_changed', severity: 3 }));
    expect(fallen.alert).toMatchObject({ severity: 3, is_acknowledged: true, acknowledged_by: 'ann' });
    expect(told(fallen)).toEqual(['severity_changed by detect']);
  });

  it('only refreshes the row while it is still abnormal', () => {
    const still = effect(
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
    const ended = effect(born(), second({ kind: what, status, reason: 'no_data', value: null }));
    expect(ended.alert).toMatchObject({ status, end_time: LATER, end_reason: 'no_data', value: 95 });
    expect(ended.timeline).toEqual([expect.objectContaining({ what, why: 'no_data', actor: 'detect', transition_no: 2 })]);
    expect(ended.changes).toEqual([expect.objectContaining({ what, from: 'ABNORMAL', to: status, why: 'no_data' })]);
  });

  it('keeps the latest time when a message is older', () => {
    expect(effect(born(), second({ kind: 'still_abnormal', time: NOON - 1 })).alert.latest_time).toBe(NOON);
  });

  it('ignores a message that took effect before', () => {
    expect(apply(born(), anAlertEvent(), WRITTEN)).toEqual({ ignored: 'already_applied' });
    const ended = effect(born(), second({ kind: 'recovered', status: 'RECOVERED' })).alert;
    expect(apply(ended, anAlertEvent(), WRITTEN)).toEqual({ ignored: 'already_applied' });
  });

  it('ignores what is said of an alert that has ended', () => {
    const ended = effect(born(), second({ kind: 'recovered', status: 'RECOVERED' })).alert;
    expect(apply(ended, anAlertEvent({ transition: 3, severity: 1 }), WRITTEN)).toEqual({ ignored: 'ended' });
  });

  it('applies a message after a gap, and notes what never arrived', () => {
    const ended = effect(born(), anAlertEvent({ transition: 5, kind: 'recovered', status: 'RECOVERED', time: LATER }));
    expect(ended.alert).toMatchObject({ status: 'RECOVERED', transition_no: 5 });
    expect(ended.timeline[0]).toMatchObject({ what: 'gap', why: 'messages 2 to 4 are missing', detail: { from: 2, to: 4 } });
    expect(told(ended)).toEqual(['gap by tocsin', 'recovered by detect']);
  });

  it('keeps an alert whose birth never arrived', () => {
    const only = effect(undefined, second({ kind: 'recovered', status: 'RECOVERED' }));
    expect(only.alert).toMatchObject({ status: 'RECOVERED', begin_time: NOON, end_time: LATER });
    expect(told(only)).toEqual(['gap by tocsin', 'created by detect', 'recovered by detect']);
  });

  it('is closed when another alert of its key fires', () => {
    const closed = supersede(born(), anAlertEvent({ alert_id: 'alert-2', time: LATER }), WRITTEN);
    expect(closed.alert).toMatchObject({ status: 'CLOSED', end_reason: 'superseded', end_time: LATER, transition_no: 1 });
    expect(closed.timeline).toEqual([expect.objectContaining({ what: 'closed', actor: 'tocsin', why: 'superseded', detail: { by: 'alert-2' } })]);
  });

  it('gives the same message the same change id, and every change its own', () => {
    const raise = second({ kind: 'severity_changed', severity: 1 });
    const ids = effect(acknowledged(), raise).changes.map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBe(2);
    expect(effect(acknowledged(), raise).changes.map(({ event_id }) => event_id)).toEqual(ids);
  });
});
