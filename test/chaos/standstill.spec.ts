import { type Standing, Standstills } from './standstill.js';

const at = (partition: number, next: number, end: number): Standing => ({ group: 'detect', topic: 'raw_events', partition, next, end });

/** The looks, 100 ms apart, and what was the longest. */
function longest(...looks: Standing[][]) {
  const standstills = new Standstills();
  looks.forEach((look, index) => standstills.note(look, 100 * index));
  return standstills.take();
}

describe('a standstill', () => {
  it('lasts from the moment at which records wait until the partition moves', () => {
    expect(longest([at(0, 1, 1)], [at(0, 1, 2)], [at(0, 1, 3)], [at(0, 1, 3)], [at(0, 2, 3)])).toEqual({
      ms: 200,
      where: 'detect on raw_events/0',
    });
  });

  it('is none while nothing waits, nor while something moves', () => {
    expect(longest([at(0, 1, 1)], [at(0, 1, 1)], [at(0, 1, 1)]).ms).toBe(0);
    expect(longest([at(0, 1, 9)], [at(0, 2, 9)], [at(0, 3, 9)]).ms).toBe(0);
  });

  it('is measured for each partition alone', () => {
    expect(longest([at(0, 1, 9), at(1, 1, 9)], [at(0, 2, 9), at(1, 1, 9)], [at(0, 3, 9), at(1, 1, 9)])).toEqual({
      ms: 200,
      where: 'detect on raw_events/1',
    });
  });

  it('that lasts over the end of a time counts in both with all that is known of it', () => {
    const standstills = new Standstills();
    for (const now of [0, 100, 200]) standstills.note([at(0, 1, 2)], now);
    expect(standstills.take().ms).toBe(200);
    expect(standstills.take().ms).toBe(0);
    standstills.note([at(0, 1, 2)], 300);
    expect(standstills.take().ms).toBe(300);
  });
});
