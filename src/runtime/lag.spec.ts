import type { GroupPosition } from '../log/consuming/consumers.service.js';
import { backlog, catchUp, LagHistory, lagByTopic } from './lag.js';

const at = (cursor: number, end: number | null = 1000, partition = 0): GroupPosition => ({
  group: 'detect',
  topic: 'raw_events',
  partition,
  cursor,
  end,
  owner: 'a',
});

describe('lag', () => {
  it('is the end minus the cursor, and unknown while the end is', () => {
    expect([at(400), at(1001), at(400, null)].map(backlog)).toEqual([600, 0, null]);
  });

  it('of a group in a topic is the sum over the partitions, and unknown when one of them is', () => {
    const other = { ...at(0, 7), group: 'alert' };
    expect(lagByTopic([at(400), at(900, 1000, 1), other])).toEqual([
      { group: 'detect', topic: 'raw_events', lag: 700 },
      { group: 'alert', topic: 'raw_events', lag: 7 },
    ]);
    expect(lagByTopic([at(400), at(0, null, 1)])).toEqual([{ group: 'detect', topic: 'raw_events', lag: null }]);
  });
});

describe('rates', () => {
  const history = (...samples: [number, GroupPosition][]): LagHistory => {
    const all = new LagHistory(60_000);
    for (const [second, position] of samples) all.add([position], second * 1000);
    return all;
  };

  it('are those between the oldest and the newest look of the window', () => {
    expect(history([0, at(0, 100)], [5, at(50, 120)], [10, at(100, 200)]).rate(at(0))).toEqual({ consumed: 10, arriving: 10 });
    // Samples older than the window are ignored.
    expect(history([0, at(0, 0)], [30, at(0, 0)], [90, at(600, 1200)]).rate(at(0))).toEqual({ consumed: 10, arriving: 20 });
  });

  it('need two looks', () => {
    expect(history().rate(at(0))).toBeUndefined();
    expect(history([0, at(5)]).rate(at(0))).toBeUndefined();
    expect(history([0, at(5)], [0, at(6)]).rate(at(0))).toBeUndefined();
  });

  it('restart where a cursor was reset', () => {
    expect(history([0, at(500)], [10, at(0)], [20, at(100)]).rate(at(0))).toEqual({ consumed: 10, arriving: 0 });
    expect(history([0, at(500)], [10, at(0)]).rate(at(0))).toBeUndefined();
  });

  it('have no arrival rate while the log end offset is unknown', () => {
    expect(history([0, at(0, null)], [10, at(10, 20)]).rate(at(0))).toEqual({ consumed: 1, arriving: null });
  });
});

describe('time to catch up', () => {
  it.each([
    ['is nothing when there is no lag', 0, undefined, 0],
    ['is the lag over what is handled beyond what arrives', 900, { consumed: 40, arriving: 10 }, 30],
    ['does not exist when as much arrives as is handled', 900, { consumed: 10, arriving: 10 }, null],
    ['is unknown without rates', 900, undefined, null],
    ['is unknown without an arrival rate', 900, { consumed: 40, arriving: null }, null],
    ['is unknown while the lag is', null, { consumed: 40, arriving: 0 }, null],
  ])('%s', (_what, lag, rate, seconds) => {
    expect(catchUp(lag, rate)).toBe(seconds);
  });
});
