import { addArrival, placementOf, type Arrivals, arrivalsWithin, mayBeginStorm } from './storm.js';

const WINDOW = 60_000;
const arrivalsAt = (...seconds: number[]): Arrivals =>
  seconds.reduce<Arrivals>((arrivals, second) => addArrival(arrivals, WINDOW, second * 1000), []);

describe('arrivals in a scope', () => {
  it('count while they are younger than the window', () => {
    expect(arrivalsWithin(arrivalsAt(100, 100, 130), WINDOW, 159_000)).toBe(3);
    expect(arrivalsWithin(arrivalsAt(100, 100, 130), WINDOW, 160_000)).toBe(1);
    expect(arrivalsWithin(arrivalsAt(100, 100, 130), WINDOW, 190_000)).toBe(0);
  });

  it('count for at most a sixtieth of the window less than the window', () => {
    expect(arrivalsWithin(addArrival([], WINDOW, 100_999), WINDOW, 159_999)).toBe(1);
    expect(arrivalsWithin(addArrival([], WINDOW, 100_999), WINDOW, 160_000)).toBe(0);
  });

  it('take little space however many there are', () => {
    let arrivals: Arrivals = [];
    for (let now = 0; now < 600_000; now += 37) arrivals = addArrival(arrivals, WINDOW, now);
    expect(arrivals.length).toBeLessThanOrEqual(61);
    expect(arrivalsWithin(arrivals, WINDOW, 600_000)).toBeGreaterThan((WINDOW / 37) * 0.98);
  });

  it('are counted also when the clock of another replica is ahead', () => {
    expect(arrivalsWithin(addArrival(arrivalsAt(110), WINDOW, 100_000), WINDOW, 100_000)).toBe(2);
  });

  it('need no window of whole milliseconds per slice', () => {
    expect(arrivalsWithin(addArrival([], 10, 5), 10, 6)).toBe(1);
  });
});

describe('the placement of a new alert', () => {
  it.each([
    ['below the threshold: its group', false, 9, 10, 'group'],
    ['above the threshold: a storm begins', false, 10, 10, 'storm'],
    ['a storm continues below the threshold', true, 5, 10, 'storm'],
    ['a storm ends below half of the threshold', true, 4, 10, 'group'],
    ['half of an odd threshold is not rounded', true, 2, 5, 'group'],
    ['a threshold of 0 switches storms off', true, 1000, 0, 'group'],
    ['a threshold of 1 makes a storm of two', false, 1, 1, 'storm'],
  ] as const)('%s', (_, isAccepting, before, threshold, place) => {
    expect(placementOf(isAccepting, before, threshold)).toBe(place);
  });
});

describe('a storm may begin in a batch', () => {
  it('when its arrivals together with the stored ones exceed the threshold', () => {
    const policy = { stormThreshold: 3, stormWindow: WINDOW };
    expect(mayBeginStorm(arrivalsAt(100, 100), 1, policy, 100_000)).toBe(false);
    expect(mayBeginStorm(arrivalsAt(100, 100), 2, policy, 100_000)).toBe(true);
    expect(mayBeginStorm(arrivalsAt(100, 100), 100, { ...policy, stormThreshold: 0 }, 100_000)).toBe(false);
  });
});
