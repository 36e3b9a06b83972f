import { subscribedTopics, equalCounts } from './subscribed-topics.js';

const existing = new Map([
  ['b.metrics', 2],
  ['a.metrics', 1],
  ['a.metrics.old', 1],
  ['logs', 3],
]);

describe('the topics of a subscription', () => {
  it('are those whose whole name matches, in a stable order', () => {
    const { counts, missing } = subscribedTopics({ topics: [], pattern: /[ab]\.metrics|log/ }, existing);
    expect([...counts]).toEqual([
      ['a.metrics', 1],
      ['b.metrics', 2],
    ]);
    expect(missing).toEqual([]);
  });

  it('are those of the list that exist; the others are named', () => {
    const { counts, missing } = subscribedTopics({ topics: ['logs', 'nowhere'] }, existing);
    expect([...counts.keys()]).toEqual(['logs']);
    expect(missing).toEqual(['nowhere']);
  });

  it('do not depend on the last match of a global pattern', () => {
    const pattern = /.*metrics/g;
    pattern.lastIndex = 4;
    expect([...subscribedTopics({ topics: [], pattern }, existing).counts.keys()]).toEqual(['a.metrics', 'b.metrics']);
  });
});

describe('a set of topics has changed', () => {
  it('when a topic is added, removed or expanded', () => {
    const before = new Map([['a', 1]]);
    expect(equalCounts(before, new Map([['a', 1]]))).toBe(true);
    expect(equalCounts(before, new Map([['a', 2]]))).toBe(false);
    expect(equalCounts(before, new Map([['b', 1]]))).toBe(false);
    expect(equalCounts(before, new Map([...before, ['b', 1]]))).toBe(false);
  });
});
