import fc from 'fast-check';
import { stateAfterMove, parseTarget, resolveTarget } from './position.js';

describe('a target', () => {
  it.each([
    ['earliest', { kind: 'earliest' }],
    ['latest', { kind: 'latest' }],
    ['42', { kind: 'offset', offset: 42 }],
    ['offset:42', { kind: 'offset', offset: 42 }],
    ['offset 42', { kind: 'offset', offset: 42 }],
    ['shift:+5', { kind: 'shift', by: 5 }],
    ['shift:-5', { kind: 'shift', by: -5 }],
    ['shift -5', { kind: 'shift', by: -5 }],
    ['shift-5', { kind: 'shift', by: -5 }],
    ['shift 5', { kind: 'shift', by: 5 }],
    ['tail:100', { kind: 'tail', count: 100 }],
    ['tail-100', { kind: 'tail', count: 100 }],
    ['timestamp:1763700000000', { kind: 'timestamp', time: 1763700000000 }],
    ['timestamp 2026-01-15T12:00:00Z', { kind: 'timestamp', time: Date.UTC(2026, 0, 15, 12) }],
    ['2026-01-15T12:00:00Z', { kind: 'timestamp', time: Date.UTC(2026, 0, 15, 12) }],
  ])('is read from "%s"', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  it.each(['', 'yesterday', 'offset:', 'offset:-1', 'offset:x', 'shift:', 'tail:-1', 'timestamp:soon', '-5', '1.5'])(
    'is refused from "%s"',
    (text) => {
      expect(() => parseTarget(text)).toThrow(/earliest, latest, offset:N/);
    },
  );
});

describe('the new offset', () => {
  const bounds = { low: 100, high: 200, current: 150 };
  it.each([
    ['earliest', { offset: 100 }],
    ['latest', { offset: 200 }],
    ['offset:120', { offset: 120 }],
    ['offset:99', { offset: 100, clamped: 'beginning' }],
    ['offset:201', { offset: 200, clamped: 'end' }],
    ['shift:-10', { offset: 140 }],
    ['shift:-51', { offset: 100, clamped: 'beginning' }],
    ['shift:+51', { offset: 200, clamped: 'end' }],
    ['tail:10', { offset: 190 }],
    ['tail:1000', { offset: 100 }],
  ])('of %s', (text, placed) => {
    expect(resolveTarget(parseTarget(text), bounds)).toEqual(placed);
  });

  it('of a time is that of its first record, and the end when there is none', () => {
    expect(resolveTarget({ kind: 'timestamp', time: 1 }, { ...bounds, at: 130 })).toEqual({ offset: 130 });
    expect(resolveTarget({ kind: 'timestamp', time: 1 }, bounds)).toEqual({ offset: 200 });
  });

  it('is always one that the log has', () => {
    const target = fc.oneof(
      fc.integer().map((offset) => ({ kind: 'offset' as const, offset })),
      fc.integer().map((by) => ({ kind: 'shift' as const, by })),
      fc.nat().map((count) => ({ kind: 'tail' as const, count })),
    );
    fc.assert(
      fc.property(target, fc.nat(), fc.nat(), fc.nat(), (wish, low, length, current) => {
        const { offset } = resolveTarget(wish, { low, high: low + length, current });
        return offset >= low && offset <= low + length;
      }),
    );
  });
});

describe('the memory of a stage', () => {
  const cursor = { nextOffset: 150, stateOffset: 140 };
  it.each([
    ['stays where the cursor stays', 150, 200, { stateOffset: 140, memory: 'kept' }],
    ['is kept when the cursor goes back no further than the checkpoint', 145, 200, { stateOffset: 140, memory: 'kept' }],
    ['begins anew when the cursor goes back beyond the checkpoint', 139, 200, { stateOffset: 139, memory: 'reset' }],
    ['is carried over what is left out', 160, 200, { stateOffset: 160, memory: 'carried over' }],
    ['is carried over into a topic that was made anew', 0, 20, { stateOffset: 0, memory: 'carried over' }],
  ])('%s', (_case, to, high, expected) => {
    expect(stateAfterMove(cursor, to, high)).toEqual(expected);
  });
});
