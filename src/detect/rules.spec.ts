import { aStrategy } from '../../test/support/builders.js';
import { compileRule, reasonToEnd } from './rules.js';
import type { Strategy } from './strategy.js';

const levels = (...severities: (1 | 2 | 3)[]) => severities.map((level) => ({ level }));
const thresholds = (...severities: (1 | 2 | 3)[]) =>
  severities.map((level) => ({ level, type: 'Threshold' as const, config: [[{ method: 'gt' as const, threshold: 80 }]] }));

describe('the next version of a strategy', () => {
  const strategy = aStrategy();
  const kept: [string, Strategy][] = [
    ['another name', aStrategy({ name: 'CPU' })],
    ['another threshold', aStrategy({ item: { algorithms: [{ level: 2, type: 'Threshold', config: [[{ method: 'lt', threshold: 1 }]] }] } })],
    ['another connector', aStrategy({ detects: [{ level: 2, connector: 'or' }] })],
    ['other receivers', aStrategy({ notice: { receivers: ['ops'] } })],
    ['another unit', aStrategy({ item: { unit: '%' } })],
  ];
  const ended: [string, Strategy | undefined, string][] = [
    ['none', undefined, 'strategy_deleted'],
    ['a disabled one', aStrategy({ is_enabled: false }), 'strategy_disabled'],
    ['another business', aStrategy({ bk_biz_id: '3' }), 'strategy_changed'],
    ['another interval', aStrategy({ query: { interval: 30 } }), 'strategy_changed'],
    ['other dimensions', aStrategy({ query: { dimensions: ['host', 'core'] } }), 'strategy_changed'],
    ['another lateness', aStrategy({ item: { lateness: 0 } }), 'strategy_changed'],
    ['another trigger', aStrategy({ detects: [{ level: 2, trigger: { count: 1, check_window: 2 } }] }), 'strategy_changed'],
    ['another recovery', aStrategy({ detects: [{ level: 2, recovery: { check_window: 6 } }] }), 'strategy_changed'],
    ['another level', aStrategy({ detects: levels(1), item: { algorithms: thresholds(1) } }), 'strategy_changed'],
    ['one level more', aStrategy({ detects: levels(2, 3), item: { algorithms: thresholds(2, 3) } }), 'strategy_changed'],
  ];

  it.each(kept)('goes on with the series when it has %s', (_title, next) => {
    expect(reasonToEnd(strategy, next)).toBeUndefined();
  });

  it.each(ended)('ends the series when it is or has %s', (_title, next, reason) => {
    expect(reasonToEnd(strategy, next)).toBe(reason);
  });

  it('goes on when only the order of the levels differs', () => {
    const both = aStrategy({ detects: levels(1, 2), item: { algorithms: thresholds(1, 2) } });
    expect(reasonToEnd(both, aStrategy({ detects: levels(2, 1), item: { algorithms: thresholds(1, 2) } }))).toBeUndefined();
  });
});

describe('a compiled rule', () => {
  it.each([
    [60, 0, 1],
    [60, 10, 2],
    [60, 60, 2],
    [60, 61, 4],
    [1, 10, 16],
    [1, 3600, 64],
  ])('of interval %d s and lateness %d s has room for %d open buckets', (interval, lateness, slots) => {
    expect(compileRule(aStrategy({ query: { interval }, item: { lateness } })).queries[0]?.slots).toBe(slots);
  });

  it.each([
    [60, 1, 1_800_000],
    [600, 1, 3_000_000],
    [600, 6, 3_600_000],
  ])('of interval %d s and window %d closes an alert after %d ms of silence', (interval, check_window, expected) => {
    const strategy = aStrategy({ query: { interval }, detects: [{ level: 2, trigger: { count: 1, check_window } }] });
    expect(compileRule(strategy).levels[0]?.noDataClose).toBe(expected);
  });
});
