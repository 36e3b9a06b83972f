import { readFileSync } from 'node:fs';
import { keyPartitioners, murmur2, Partitioning } from './partitioner.js';

/** Computed by the clients: Java's kafka-clients 4.3.1, librdkafka 2.16.0 (`partitioner=consistent`), Sarama 1.43.3; for 12 and 7 partitions. */
interface Vector {
  readonly key: string;
  /** Java's murmur2. */
  readonly hash: number;
  readonly java: readonly [number, number];
  readonly librdkafka: readonly [number, number];
  readonly sarama: readonly [number, number];
}

const vectors = JSON.parse(readFileSync('test/vectors/partitioners.json', 'utf8')) as Vector[];

describe('the partitioners', () => {
  it('hash every key as the Java client does', () => {
    expect(vectors.length).toBeGreaterThan(90);
    expect(vectors.map(({ key }) => murmur2(Buffer.from(key)))).toEqual(vectors.map(({ hash }) => hash));
  });

  it.each([
    ['murmur2', 'java'],
    ['crc32', 'librdkafka'],
    ['fnv1a', 'sarama'],
  ] as const)('%s finds the partition of every key that %s finds', (name, client) => {
    const found = vectors.map(({ key }) => [keyPartitioners[name](Buffer.from(key), 12), keyPartitioners[name](Buffer.from(key), 7)]);
    expect(found).toEqual(vectors.map((vector) => vector[client]));
  });
});

describe('the choice of a partition', () => {
  it('takes murmur2 unless the topic has another partitioner', () => {
    const partitioning = new Partitioning(new Map([['other', 'crc32']]));
    const { key, java, librdkafka } = vectors.find((vector) => vector.java[0] !== vector.librdkafka[0])!;
    expect([partitioning.partition('one', key, 12), partitioning.partition('other', key, 12)]).toEqual([java[0], librdkafka[0]]);
  });

  it('takes turns without a key, for each topic, whatever its partitioner', () => {
    const partitioning = new Partitioning(new Map([['b', 'fnv1a']]));
    expect(['a', 'a', 'b', 'a', 'b', 'a'].map((topic) => partitioning.partition(topic, null, 3))).toEqual([0, 1, 0, 2, 1, 0]);
  });

  it('assigns partitions round robin despite a key if the topic allows it', () => {
    const partitioning = new Partitioning(new Map([['a', 'round_robin']]));
    expect(['k', 'k', 'k'].map((key) => partitioning.partition('a', key, 2))).toEqual([0, 1, 0]);
  });

  it('refuses turns for a topic whose order a stage relies on', () => {
    expect(() => new Partitioning(new Map([['raw_events', 'round_robin']]))).toThrow('must be partitioned by key');
  });
});
