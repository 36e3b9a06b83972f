import fc from 'fast-check';
import { type Reference, referenceAlerts } from './detect.js';
import { historyOf, ruleSetsOf } from './histories.js';
import { type RandomHistory, randomHistory } from './random-histories.js';

const judged = ({ events, ruleSets, identifyBy }: RandomHistory): Reference =>
  referenceAlerts([historyOf(events)], ruleSetsOf(...ruleSets), { identifyBy });

const always = (property: (reference: Reference, history: RandomHistory) => void): void =>
  fc.assert(
    fc.property(randomHistory, (history) => property(judged(history), history)),
    { numRuns: 200 },
  );

describe('what the reference says of random histories', () => {
  it('never gives two messages the same id', () => {
    always(({ messages }) => expect(new Set(messages.map(({ event_id }) => event_id)).size).toBe(messages.length));
  });

  it('has at most one open alert of a key, and counts its transitions without a gap', () => {
    always(({ messages }) => {
      const open = new Map<string, { alert_id: string; transition: number }>();
      for (const { kind, status, alert_key, alert_id, transition } of messages) {
        expect(open.get(alert_key)).toEqual(kind === 'fired' ? undefined : { alert_id, transition: transition - 1 });
        if (status === 'ABNORMAL') open.set(alert_key, { alert_id, transition });
        else open.delete(alert_key);
      }
    });
  });

  it('ends an alert of a strategy never before it began', () => {
    always(({ alerts }) => {
      for (const { strategy_id, begin_time, transitions } of alerts.values())
        if (strategy_id > 0)
          for (const { reason, time } of transitions) if (!reason || reason === 'recovered') expect(time).toBeGreaterThanOrEqual(begin_time);
    });
  });

  it('says the same of a beginning, whatever follows', () => {
    always(({ messages }, history) => {
      const half = Math.floor(history.events.length / 2);
      const beginning = judged({ ...history, events: history.events.slice(0, half) });
      expect(messages.filter(({ offset }) => offset < half)).toEqual(beginning.messages);
    });
  });
});

it('random histories let everything happen that the page knows', () => {
  const seen = new Set<string>();
  for (const history of fc.sample(randomHistory, { numRuns: 1500, seed: 1 })) {
    for (const { kind, reason, strategy_id } of judged(history).messages)
      seen.add(`${strategy_id ? 'strategy' : 'external'} ${kind} ${reason ?? ''}`.trim());
  }
  expect([...seen].sort()).toEqual([
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
  ]);
});
