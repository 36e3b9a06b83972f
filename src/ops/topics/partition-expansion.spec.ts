import { murmur2Partition } from '../../log/partitioner.js';
import { planPartitionExpansion, type PartitionExpansionFacts } from './partition-expansion.js';

const keys = Array.from({ length: 100 }, (_, index) => `business-${index}`);
const quiet: PartitionExpansionFacts = {
  topic: 'raw_events',
  keyedBy: 'bk_biz_id',
  current: 4,
  wanted: 8,
  readers: [{ group: 'detect', members: 0, behind: 0 }],
  leaderless: [],
  unknownGroups: [],
  stageReasons: [],
  keys,
  partitionOf: murmur2Partition,
};

it('is safe without producers, consumers, lag and in-memory state', () => {
  expect(planPartitionExpansion(quiet).refusals).toEqual([]);
});

it('is refused while replicas run', () => {
  expect(planPartitionExpansion({ ...quiet, readers: [{ group: 'detect', members: 2, behind: 0 }] }).refusals).toEqual([
    expect.stringContaining('detect: running. Stop every replica'),
  ]);
});

it('is refused while records wait that a later one could overtake', () => {
  expect(planPartitionExpansion({ ...quiet, readers: [{ group: 'detect', members: 0, behind: 17 }] }).refusals).toEqual([
    expect.stringContaining('detect: 17 records are not processed yet'),
  ]);
});

it('is rejected while the end offset of a partition is unknown', () => {
  expect(planPartitionExpansion({ ...quiet, leaderless: [1, 3] }).refusals).toEqual([expect.stringContaining('partitions without leader: 1, 3')]);
});

it('is refused for what a stage still remembers in the old place', () => {
  expect(planPartitionExpansion({ ...quiet, stageReasons: ['3 open alerts would never end'] }).refusals).toEqual(['3 open alerts would never end']);
});

it('says how many of the live keys move: half of them when the number doubles, nearly all when it is no multiple', () => {
  const doubled = planPartitionExpansion(quiet).keys;
  const odd = planPartitionExpansion({ ...quiet, wanted: 7 });
  expect(doubled.seen).toBe(100);
  expect(doubled.moving).toBeGreaterThan(30);
  expect(doubled.moving).toBeLessThan(70);
  expect(odd.keys.moving).toBeGreaterThan(doubled.moving);
  expect(odd.warnings.join()).toContain('7 is not a multiple of 4');
});

it('has nothing against a topic without order', () => {
  const letters = planPartitionExpansion({ ...quiet, keyedBy: undefined, readers: [{ group: 'x', members: 1, behind: 9 }] });
  expect([letters.refusals, letters.warnings]).toEqual([[], []]);
});
