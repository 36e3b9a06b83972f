import { type Strategy, strategySchema } from '../../src/detect/strategy.js';
import type { RawEvent } from '../../src/topics.js';
import { referenceAlerts } from '../oracle/detect.js';
import { historyOf } from '../oracle/histories.js';
import { aTick, NOON } from '../support/builders.js';
import { firstRules, type Round, type RuleChange, workload } from './workload.js';

/** Enough rounds for an alert to be still abnormal after five minutes of its own time. */
const EVENTS = 130_000;
const rounds = (seed = 1): Round[] => [...workload({ seed, events: EVENTS, start: NOON })];
const steps = rounds().flatMap((round) => round.steps);
const sent = steps.flatMap((step) => (step.kind === 'events' ? [...step.events] : []));

describe('the workload', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(JSON.stringify(rounds())).toBe(JSON.stringify(rounds()));
    expect(JSON.stringify(rounds(2))).not.toBe(JSON.stringify(rounds()));
  });

  it('runs for the given time, and then produces the closing events', () => {
    let more = 5;
    const longer = [...workload({ seed: 1, events: EVENTS, start: NOON, goesOn: () => more-- > 0 })];
    expect(longer).toHaveLength(rounds().length + 5);
    expect(longer.at(-1)!.closing).toBe(true);
  });

  it('has at least the requested number of events, some of them duplicated, late or out of order', () => {
    const ids = sent.map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBeGreaterThanOrEqual(EVENTS);
    expect(ids.length).toBeGreaterThan(new Set(ids).size);
    expect(sent.some(({ timestamp }, index) => index > 0 && timestamp < sent[index - 1]!.timestamp)).toBe(true);
  });

  it('has records that cannot work, changes of the rules, and alerts of other senders that fire, are resolved and run out', () => {
    const kinds = new Set(steps.flatMap((step) => (step.kind === 'poison' ? [step.record.kind] : [])));
    const holds = steps.flatMap((step) => (step.kind === 'alerts' ? step.alerts.alerts.map((alert) => Math.sign(alert.holds ?? 0)) : []));
    expect(kinds.size).toBeGreaterThan(4);
    expect(steps.filter(({ kind }) => kind === 'rules')).toHaveLength(5);
    expect(new Set(holds)).toEqual(new Set([-1, 0, 1]));
  });

  it('lets everything happen to alerts of strategies, and leaves none of them open', () => {
    const { ruleSets, events } = sequentially(rounds());
    const closing = [10_000, 15_000, 20_000].map((ms) => aTick({ timestamp: NOON + ms, raw_data: { rules_version: ruleSets.length } }));
    const reference = referenceAlerts([historyOf([...events, ...closing])], (version) => ({ version, strategies: ruleSets[version - 1]! }), {
      identifyBy: 'bk_biz_id',
    });
    const happened = new Set(reference.messages.map(({ kind, reason }) => `${kind} ${reason ?? ''}`.trim()));
    expect([...reference.alerts.values()].filter(({ status }) => status === 'ABNORMAL')).toEqual([]);
    expect([...happened].sort()).toEqual([
      'closed recovered',
      'closed strategy_changed',
      'closed strategy_deleted',
      'closed strategy_disabled',
      'fired',
      'recovered recovered',
      'severity_changed',
      'still_abnormal',
    ]);
    expect(reference.alerts.size).toBeGreaterThan(500);
  });
});

/** The events of strategies as they would be in one partition, with a tick for every change of the rules. */
function sequentially(all: readonly Round[]): { ruleSets: Strategy[][]; events: RawEvent[] } {
  const ruleSets = [firstRules().map((body, index): Strategy => ({ ...strategySchema.parse(body), id: index + 1, version: 1 }))];
  const tick = (): RawEvent => aTick({ timestamp: NOON, raw_data: { rules_version: ruleSets.length } });
  const events: RawEvent[] = [tick()];
  for (const step of all.flatMap((round) => round.steps)) {
    if (step.kind === 'events') for (const event of step.events) events.push(event as unknown as RawEvent);
    if (step.kind === 'rules') {
      ruleSets.push(changed(ruleSets.at(-1)!, step.change));
      events.push(tick());
    }
  }
  return { ruleSets, events };
}

function changed(rules: readonly Strategy[], { business, name, body }: RuleChange): Strategy[] {
  return rules.flatMap((rule) => {
    if (rule.bk_biz_id !== business || rule.name !== name) return [rule];
    return body ? [{ ...strategySchema.parse(body), id: rule.id, version: rule.version + 1 }] : [];
  });
}
