import fc from 'fast-check';
import { anAlertEvent, NOON } from '../../test/support/builders.js';
import type { AlertEvent } from '../topics.js';
import { type AlertState, isOpen } from './alert.js';
import { type AlertChanges, applyEvents } from './apply-events.js';

const fired = (alert: string, key: string, transition = 1): AlertEvent => anAlertEvent({ alert_id: alert, alert_key: key, transition });
const ended = (alert: string, key: string, transition: number): AlertEvent =>
  anAlertEvent({ alert_id: alert, alert_key: key, transition, kind: 'recovered', status: 'RECOVERED' });
const ids = (alerts: readonly AlertState[]): string[] => alerts.map(({ alert_id }) => alert_id);

/** The rows after the changes are saved. */
function table(before: readonly AlertState[], { created, changed }: AlertChanges): AlertState[] {
  const rows = new Map([...before, ...changed, ...created].map((alert) => [alert.alert_id, alert]));
  return [...rows.values()];
}

describe('a batch of messages', () => {
  it('distinguishes new alerts from stored ones', () => {
    const stored = table([], applyEvents([], [fired('a-1', 'a')], NOON));
    const changes = applyEvents(stored, [ended('a-1', 'a', 2), fired('b-1', 'b'), ended('b-1', 'b', 2)], NOON);
    expect(ids(changes.changed)).toEqual(['a-1']);
    expect(ids(changes.created)).toEqual(['b-1']);
    expect(changes.created[0]).toMatchObject({ status: 'RECOVERED', transition_no: 2 });
  });

  it('closes an open alert when another of its key fires, so that the key is never a second time in the table', () => {
    const stored = table([], applyEvents([], [fired('a-1', 'a')], NOON));
    const changes = applyEvents(stored, [fired('a-2', 'a'), fired('a-3', 'a')], NOON);
    expect(changes.changed).toMatchObject([{ alert_id: 'a-1', status: 'CLOSED', end_reason: 'superseded' }]);
    expect(changes.created).toMatchObject([
      { alert_id: 'a-2', status: 'CLOSED', end_reason: 'superseded' },
      { alert_id: 'a-3', status: 'ABNORMAL' },
    ]);
    expect(changes.changes.map(({ alert_id, what }) => `${alert_id} ${what}`)).toEqual(['a-1 closed', 'a-2 created', 'a-2 closed', 'a-3 created']);
  });

  it('counts what it ignored and where messages were missing', () => {
    const changes = applyEvents([], [fired('a-1', 'a'), fired('a-1', 'a'), ended('a-1', 'a', 4), ended('a-1', 'a', 5)], NOON);
    expect(changes.ignored).toEqual({ already_applied: 1, ended: 1 });
    expect(changes.gaps).toBe(1);
  });

  it('leaves stored alerts out that nothing happened to', () => {
    const stored = table([], applyEvents([], [fired('a-1', 'a'), fired('b-1', 'b')], NOON));
    expect(applyEvents(stored, [fired('a-1', 'a')], NOON)).toMatchObject({ created: [], changed: [], timeline: [], changes: [] });
  });
});

describe('whatever messages come', () => {
  const message = fc
    .record({ key: fc.constantFrom('a', 'b'), life: fc.integer({ min: 1, max: 3 }), transition: fc.integer({ min: 1, max: 4 }), over: fc.boolean() })
    .map(({ key, life, transition, over }) => (over ? ended : fired)(`${key}-${life}`, key, transition));
  const messages = fc.array(message, { maxLength: 30 });

  it('at most one alert of a key is open', () => {
    fc.assert(
      fc.property(messages, (events) => {
        const open = table([], applyEvents([], events, NOON)).filter(isOpen);
        expect(new Set(open.map(({ alert_key }) => alert_key)).size).toBe(open.length);
      }),
    );
  });

  it('the cut into batches makes no difference', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 0, max: 30 }), (events, cut) => {
        const whole = applyEvents([], events, NOON);
        const first = applyEvents([], events.slice(0, cut), NOON);
        const rows = table([], first);
        const rest = applyEvents(rows, events.slice(cut), NOON);
        expect(new Set(table(rows, rest))).toEqual(new Set(table([], whole)));
        expect([...first.timeline, ...rest.timeline]).toEqual(whole.timeline);
        expect([...first.changes, ...rest.changes]).toEqual(whole.changes);
      }),
    );
  });

  it('a second delivery of the batch changes nothing', () => {
    fc.assert(
      fc.property(messages, (events) => {
        const rows = table([], applyEvents([], events, NOON));
        expect(applyEvents(rows, events, NOON)).toMatchObject({ created: [], changed: [], timeline: [], changes: [] });
      }),
    );
  });
});
