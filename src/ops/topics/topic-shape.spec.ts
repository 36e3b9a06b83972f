import { configOf, reviewShape, withShape } from './topic-shape.js';

const three = { brokers: 3, replication: 3, recordBytes: 262_144 };

it('a valid topic is created without warnings', () => {
  const shape = { partitions: 12, retention_hours: 72, min_insync_replicas: 2, max_message_bytes: 1_048_576 };
  expect(reviewShape('raw_events', shape, three)).toEqual({ refusals: [], warnings: [] });
});

it.each([
  ['more copies than brokers', {}, { ...three, brokers: 1 }, 'replication 3 requires 3 brokers, but the cluster has 1'],
  ['a minimum that can never be met', { min_insync_replicas: 4 }, three, 'min.insync.replicas 4 with replication 3: every write would fail'],
  ['no partitions', { partitions: 0 }, three, 'partitions must be 1 to 10000, not 0'],
  ['retention of nothing', { retention_hours: 0 }, three, 'retention must be at least one hour, or -1 (unlimited)'],
])('refuses %s with a sentence', (_what, shape, around, sentence) => {
  expect(reviewShape('x', shape, around).refusals).toEqual([sentence]);
});

it.each(['', '.', '..', 'a/b', 'ü', 'x'.repeat(250)])('refuses %p as a name', (name) => {
  expect(reviewShape(name, {}, three).refusals[0]).toContain('is not a valid topic name');
});

it.each([
  ['one copy on many brokers', {}, { ...three, replication: 1 }, 'a broker failure loses records'],
  ['a minimum that leaves no broker to spare', { min_insync_replicas: 3 }, three, 'one broker down blocks writes'],
  ['retention shorter than a day', { retention_hours: 6 }, three, 'a longer outage loses records'],
  ['messages larger than the topic takes', { max_message_bytes: 100_000 }, three, 'lower than the maximum record size 262144'],
])('warns of %s', (_what, shape, around, sentence) => {
  const { refusals, warnings } = reviewShape('x', shape, around);
  expect(refusals).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining(sentence)]);
});

it('request properties override the settings, as Kafka topic configuration', () => {
  const wanted = { name: 'x', partitions: 12, replication: 3, config: { 'retention.ms': '1', 'min.insync.replicas': '2' } };
  expect(withShape(wanted, { partitions: 24, retention_hours: -1 })).toEqual({
    name: 'x',
    partitions: 24,
    replication: 3,
    config: { 'retention.ms': '-1', 'min.insync.replicas': '2' },
  });
  expect(configOf({ retention_hours: 2, retention_bytes: 5 })).toEqual({ 'retention.ms': '7200000', 'retention.bytes': '5' });
});
