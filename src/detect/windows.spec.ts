import fc from 'fast-check';
import { ageOf, agesOf, slide, wordsFor } from './windows.js';

/** The same as a list: true is an anomaly, the latest period first. */
function slideList(list: readonly boolean[], periods: number): boolean[] {
  return [...Array.from({ length: Math.min(periods, list.length) }, () => false), ...list].slice(0, list.length);
}

const step = fc.record({ periods: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 32, 64, 2000, Infinity)), anomalous: fc.boolean() });

describe('a window of anomalies', () => {
  it('is a list of bits that slides, whatever its length and whatever lies beside it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 60 }), (bits, steps) => {
        const words = new Uint32Array(wordsFor(bits) + 2).fill(0xffffffff);
        words.fill(0, 1, 1 + wordsFor(bits));
        let list = Array.from({ length: bits }, () => false);
        for (const { periods, anomalous } of steps) {
          slide(words, 1, bits, periods);
          list = slideList(list, periods);
          if (anomalous) words[1]! |= 1;
          list[0] ||= anomalous;
          const ages = list.flatMap((each, age) => (each ? [age] : []));
          expect(agesOf(words, 1, bits)).toEqual([...ages].reverse());
          expect([...ages, Infinity].map((_, index) => ageOf(words, 1, bits, index + 1))).toEqual([...ages, Infinity]);
        }
        expect([words[0], words.at(-1)]).toEqual([0xffffffff, 0xffffffff]);
      }),
    );
  });
});
