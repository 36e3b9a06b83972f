import { RebalanceStall } from './rebalance-stall.js';

const aStall = (steps: (stall: RebalanceStall) => void): RebalanceStall => {
  const stall = new RebalanceStall();
  steps(stall);
  return stall;
};

describe('the stall around a rebalance', () => {
  it('ends with the first record that was waiting', () => {
    const stall = aStall((each) => (each.stopped(1000), each.ready(1300)));
    expect(stall.handled(1100, 1500)).toBe(500);
    expect(stall.handled(1600, 1700)).toBeUndefined();
  });

  it('ends when the partitions are ready if no record was waiting, however late the next one arrives', () => {
    const stopped = (each: RebalanceStall): void => (each.stopped(1000), each.ready(1300));
    expect(aStall(stopped).handled(90_000, 90_010)).toBe(300);
    expect(aStall(stopped).idle()).toBe(300);
  });

  it('spans a second rebalance before any record was processed', () => {
    const stall = aStall((each) => (each.stopped(1000), each.ready(1300), each.stopped(1400), each.ready(2000)));
    expect(stall.handled(1100, 2100)).toBe(1100);
  });

  it('does not end before the partitions are acquired, and does not exist without a pause', () => {
    expect(aStall((each) => each.stopped(1000)).idle()).toBeUndefined();
    expect(aStall((each) => each.ready(1000)).handled(1, 2)).toBeUndefined();
  });
});
