import { type Congestion, type CongestionLimits, judgeCongestion } from './congestion.js';

const limits: CongestionLimits = { threshold: (topic) => (topic === 'alerts' ? 10 : 100), forMs: 60, clearShare: 0.5 };

/** The congestion after these lags of one group in one topic, measured every 20 ms. */
function after(lags: readonly (number | null)[], topic = 'raw_events'): Congestion | undefined {
  let state: Congestion[] = [];
  lags.forEach((lag, index) => (state = judgeCongestion(state, [{ group: 'detect', topic, lag }], limits, index * 20)));
  return state[0];
}

describe('congestion', () => {
  it('begins when the lag is over the threshold for long enough without a break', () => {
    expect(after([101, 150, 150])).toMatchObject({ congested: false, since: 0 });
    expect(after([101, 150, 150, 120])).toMatchObject({ congested: true, since: 0, lag: 120, threshold: 100 });
    expect(after([101, 150, 100, 150, 150])).toMatchObject({ congested: false, since: 60 });
    expect(after([100, 100, 100, 100, 100])).toBeUndefined();
  });

  it('is over only when the lag has fallen to the share of the threshold', () => {
    const congested = [200, 200, 200, 200];
    expect(after([...congested, 51])).toMatchObject({ congested: true, lag: 51 });
    expect(after([...congested, 51, 99, 51, 120])).toMatchObject({ congested: true, since: 0 });
    expect(after([...congested, 50])).toBeUndefined();
    expect(after([...congested, 50, 99])).toBeUndefined();
  });

  it('judges each topic by its own threshold', () => {
    expect(after([11, 11, 11, 11], 'alerts')).toMatchObject({ congested: true, threshold: 10 });
    expect(after([11, 11, 11, 11], 'raw_events')).toBeUndefined();
  });

  it('neither begins nor ends while the lag is unknown', () => {
    expect(after([200, null, null, null])).toMatchObject({ congested: false });
    expect(after([200, 200, 200, 200, null])).toMatchObject({ congested: true, lag: 200 });
    expect(after([null])).toBeUndefined();
  });

  it('is forgotten with its group', () => {
    const state = judgeCongestion([], [{ group: 'source.old', topic: 'x', lag: 1000 }], limits, 0);
    expect(judgeCongestion(state, [], limits, 100)).toEqual([]);
  });

  it('of a threshold of zero ends when nothing is left', () => {
    const strict = { ...limits, threshold: () => 0 };
    const step = (state: Congestion[], lag: number, now: number) => judgeCongestion(state, [{ group: 'a', topic: 'b', lag }], strict, now);
    const congested = step(step([], 1, 0), 1, 60);
    expect(congested).toMatchObject([{ congested: true }]);
    expect(step(congested, 0, 80)).toEqual([]);
  });
});
