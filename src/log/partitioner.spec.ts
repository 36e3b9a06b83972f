import { murmur2, murmur2Partition } from './partitioner.js';

describe('the partitioner', () => {
  // Results of org.apache.kafka.common.utils.Utils.murmur2.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as the Java client does', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it('takes the hash without its sign, modulo the partitions', () => {
    expect(murmur2Partition('21', 12)).toBe((-973932308 & 0x7fffffff) % 12);
  });
});
