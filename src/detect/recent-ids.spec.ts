import fc from 'fast-check';
import { CHUNK, type IdChunk, RecentIds } from './recent-ids.js';

const copy = (chunk: IdChunk): IdChunk => ({ ...chunk, hashes: Uint32Array.from(chunk.hashes) });

describe('the ids of latest events', () => {
  it('are those of the generation that fills up and of the one before it', () => {
    const ids = new RecentIds(3);
    const repeats = (id: string): boolean => ids.repeats('2', 'agent', id);
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map(repeats)).toEqual(Array(6).fill(false));
    expect(['a', 'f', 'd'].map(repeats)).toEqual([true, true, true]);
    expect(repeats('g')).toBe(false);
    expect(['d', 'c', 'b', 'a'].map(repeats)).toEqual([true, false, false, false]);
  });

  it('belong to the business and the source', () => {
    const ids = new RecentIds();
    expect([ids.repeats('2', 'a', '1'), ids.repeats('3', 'a', '1'), ids.repeats('2', 'b', '1'), ids.repeats('2', 'a', '1')]).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect([ids.repeats('2', 'ab', 'c'), ids.repeats('2', 'a', 'bc'), ids.repeats('2a', 'b', 'c')]).toEqual([false, false, false]);
  });

  it('are not mistaken for each other, a million of them in a row', () => {
    const ids = new RecentIds();
    let mistaken = 0;
    for (let index = 0; index < 1_000_000; index++) if (ids.repeats('2', 'bench', `bench-${index.toString(36)}`)) mistaken++;
    expect(mistaken).toBe(0);
  });

  it('go on from their chunks as if there had been no end', () => {
    const step = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 30 }).map(String) }, { weight: 1, arbitrary: fc.constant('restart') });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 200 }), (generation, steps) => {
        const straight = new RecentIds(generation);
        const stored = new Map<string, IdChunk>();
        let ids = new RecentIds(generation);
        for (const id of steps) {
          if (id !== 'restart') {
            expect(ids.repeats('2', 's', id)).toBe(straight.repeats('2', 's', id));
            continue;
          }
          for (const chunk of ids.dirtyChunks()) stored.set(`${chunk.generation}/${chunk.chunk}`, copy(chunk));
          for (const { generation: number, chunk } of ids.removedChunks()) stored.delete(`${number}/${chunk}`);
          ids.markClean();
          const { extent } = ids;
          ids = new RecentIds(generation);
          ids.restore(extent, [...stored.values()]);
          expect(stored.size).toBeLessThanOrEqual(2);
        }
      }),
    );
  });

  it('are refused without one of their chunks', () => {
    const ids = new RecentIds();
    for (let index = 0; index <= CHUNK; index++) ids.repeats('2', 's', String(index));
    const [first, second] = ids.dirtyChunks().map(copy);
    expect(() => new RecentIds().restore(ids.extent, [second!])).toThrow(`checkpoint lacks ids 0 to ${CHUNK - 1} of generation 0`);
    expect(() => new RecentIds().restore(ids.extent, [first!])).toThrow(`checkpoint lacks ids ${CHUNK} to ${CHUNK} of generation 0`);
  });
});
