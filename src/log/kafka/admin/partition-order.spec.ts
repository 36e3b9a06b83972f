import type { Brokers } from '../connection/brokers.client.js';
import { KafkaConsumerGroups } from './consumer-groups.client.js';
import { OffsetLookup } from '../connection/offset-lookup.client.js';

const NOT_LEADER = 6;

interface Asked {
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] }[];
}

/** One broker that leads partitions 0 to 2, returns the last one first, and rejects `rejected` once. */
function aBroker(rejected?: number): Brokers {
  const rejecting = new Set([rejected]);
  const leaders = new Map([2, 1, 0].map((partition) => [partition, 1]));
  const answered = ({ partition }: { partition: number }) => {
    const errorCode = rejecting.delete(partition) ? NOT_LEADER : 0;
    return { partition, errorCode, offset: String(partition * 10) };
  };
  const fake: Pick<Brokers, 'topics' | 'leaders' | 'request' | 'requestAny'> = {
    topics: (names) => Promise.resolve(new Map(names!.map((name) => [name, leaders]))),
    leaders: () => Promise.resolve(leaders),
    requestAny: () => Promise.resolve({ errorCode: 0, coordinator: { nodeId: 1 } }),
    request: (_node, _name, fields) => {
      const responses = (fields as Asked).topics.map(({ topic, partitions }) => ({
        topic,
        partitions: [...partitions].sort((a, b) => b.partition - a.partition).map(answered),
      }));
      return Promise.resolve({ errorCode: 0, responses });
    },
  };
  return fake as Brokers;
}

describe('partitions, in whatever order brokers return them', () => {
  it.each([undefined, 0, 1, 2])('ascend in an offset lookup, also when a leader rejects partition %p first', async (rejected) => {
    expect([...(await new OffsetLookup(aBroker(rejected)).listOffsets('t', -1))]).toEqual([
      [0, 0],
      [1, 10],
      [2, 20],
    ]);
    const bounds = await new OffsetLookup(aBroker(rejected)).ranges(['s', 't']);
    expect([...bounds].map(([topic, all]) => [topic, [...all]])).toEqual(
      ['s', 't'].map((topic) => [topic, [0, 1, 2].map((partition) => [partition, { low: partition * 10, high: partition * 10 }])]),
    );
  });

  it('ascend in the committed offsets of a group', async () => {
    expect([...(await new KafkaConsumerGroups(aBroker()).committed('g', 't')).keys()]).toEqual([0, 1, 2]);
  });
});
