import fc from 'fast-check';
import { type Reference, referenceAlerts } from './detect.js';
import { historyOf, ruleSetsOf } from './histories.js';
import type { ReferenceMessage } from './journal.js';
import { type RandomHistory, randomHistory } from './random-histories.js';

const judged = ({ events, ruleSets, identifyBy }: RandomHistory): Reference =>
  referenceAlerts([historyOf(events)], ruleSetsOf(...ruleSets), { identifyBy });

describe('what the reference says of random histories', () => {
  it('is sound: no id twice, one open alert of a key, transitions without a gap, and the past does not depend on the future', () => {
    const property = fc.property(randomHistory, (history) => {
      const { messages, alerts } = judged(history);
      expect(new Set(messages.map(({ event_id }) => event_id)).size).toBe(messages.length);
      expectSequential(messages);
      expectOrderedTimes(alerts);
      const half = Math.floor(history.events.length / 2);
      const beginning = judged({ ...history, events: history.events.slice(0, half) });
      expect(messages.filter(({ offset }) => offset < half)).toEqual(beginning.messages);
    });
    fc.assert(property, { numRuns: 150 });
  });

  it('contains everything that docs/detect.md defines', () => {
    const seen = new Set<string>();
    for (const history of fc.sample(randomHistory, { numRuns: 400, seed: 1 })) {
      for (const { kind, reason, strategy_id } of judged(history).messages)
        seen.add(`${strategy_id ? 'strategy' : 'external'} ${kind} ${reason ?? ''}`.trim());
    }
    expect([...seen].sort()).toEqual(everything);
  });
});

function expectSequential(messages: readonly ReferenceMessage[]): void {
  const open = new Map<string, { alert_id: string; transition: number }>();
  for (const { kind, status, alert_key, alert_id, transition } of messages) {
    expect(open.get(alert_key)).toEqual(kind === 'fired' ? undefined : { alert_id, transition: transition - 1 });
    if (status === 'ABNORMAL') open.set(alert_key, { alert_id, transition });
    else open.delete(alert_key);
  }
}

/** What the data said of an alert of a strategy was said in the order of the data. */
function expectOrderedTimes(alerts: Reference['alerts']): void {
  for (const { strategy_id, begin_time, transitions } of alerts.values()) {
    const times = transitions.filter(({ reason }) => !reason || reason === 'recovered').map(({ time }) => time);
    if (strategy_id > 0) expect([begin_time, ...times]).toEqual([begin_time, ...times].sort((a, b) => a - b));
  }
}

const everything = [
  'external fired',
  'external recovered lease_expired',
  'external recovered resolved_by_sender',
  'external still_abnormal annotations_changed',
  'strategy closed no_data',
  'strategy closed recovered',
  'strategy closed strategy_changed',
  'strategy closed strategy_deleted',
  'strategy closed strategy_disabled',
  'strategy fired',
  'strategy recovered recovered',
  'strategy severity_changed',
  'strategy still_abnormal',
];
