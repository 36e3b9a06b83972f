import type { PublishError } from '../../publish-error.js';
import { PendingSend } from './pending-send.js';
import { type ProducerBatch, PartitionQueue } from './partition-queue.js';

const LIMITS = { records: 10, bytes: 10_000 };
const NOT_LEADER = 6;
const TIMED_OUT = 7;
const TOO_LARGE = 10;
const OUT_OF_ORDER = 45;
const DUPLICATE = 46;
const FORBIDDEN = 29;

describe('the queue of a partition', () => {
  let queue: PartitionQueue;
  let results: (number | PublishError)[];
  beforeEach(() => {
    queue = new PartitionQueue('topic', 0);
    queue.setProducerId(42n);
    results = [];
  });

  const add = (values: readonly string[], { at = 0, deadline = 1000 } = {}): void => {
    const pendingSend = new PendingSend(at, deadline, (result) => results.push(result));
    values.forEach((value, index) => pendingSend.add({ key: null, value }, index));
    queue.add(pendingSend);
  };
  const take = (): ProducerBatch => queue.nextBatch(LIMITS);
  const sent = (batch: ProducerBatch): unknown[] => batch.records.map(({ value }) => value);

  it('assigns consecutive sequence numbers, and returns the offset of its first record to each caller', () => {
    add(['a', 'b']);
    add(['c']);
    queue.handleResponse(take(), 0, 70, 0);
    expect(queue.identity).toEqual({ producerId: 42n, epoch: 0, sequence: 3 });
    expect(results).toEqual([70, 72]);
    expect(queue.isEmpty).toBe(true);
  });

  it('wraps the sequence to 0 after the last number of 31 bits', () => {
    queue.identity = { producerId: 42n, epoch: 0, sequence: 2 ** 31 - 2 };
    add(['a', 'b', 'c']);
    queue.handleResponse(take(), 0, 0, 0);
    expect(queue.identity.sequence).toBe(1);
  });

  it.each([
    ['got no response', (batch: ProducerBatch) => queue.handleNoResponse(batch, 'no answer', 0)],
    ['was not sent', (batch: ProducerBatch) => queue.handleNotSent(batch, 'no connection', 0)],
    ['reached a broker that is not the leader', (batch: ProducerBatch) => void queue.handleResponse(batch, NOT_LEADER, -1, 0)],
    ['was not replicated before the timeout', (batch: ProducerBatch) => void queue.handleResponse(batch, TIMED_OUT, -1, 0)],
  ])('resends a batch that %s before the queue, under the same sequence numbers', (_what, fail) => {
    add(['a', 'b']);
    const first = take();
    add(['c']);
    const { identity } = queue;
    fail(first);
    expect(sent(take())).toEqual(['a', 'b']);
    expect(queue.identity).toEqual(identity);
  });

  it('treats a duplicate as appended, at an unknown offset', () => {
    add(['a']);
    const batch = take();
    queue.handleNoResponse(batch, 'no answer', 0);
    queue.handleResponse(take(), DUPLICATE, 0, 0);
    expect(results).toEqual([-1]);
  });

  it('begins a new epoch when the broker expects another sequence, and resends the batch in it', () => {
    queue.identity = { producerId: 42n, epoch: 3, sequence: 9 };
    add(['a']);
    queue.handleResponse(take(), OUT_OF_ORDER, -1, 0);
    expect(queue.identity).toEqual({ producerId: 42n, epoch: 4, sequence: 0 });
    expect(sent(take())).toEqual(['a']);
  });

  it('requests a new producer id when the epochs are exhausted', () => {
    queue.identity = { producerId: 42n, epoch: 32_767, sequence: 9 };
    add(['a']);
    queue.handleResponse(take(), OUT_OF_ORDER, -1, 0);
    expect([queue.identity, queue.needsNewProducerId]).toEqual([undefined, true]);
  });

  it('splits a batch that is too large until only the offending record fails, in order, without a gap in the sequence', () => {
    add(['a', 'b', 'LARGE', 'd', 'e']);
    const appended: unknown[] = [];
    while (!queue.isEmpty) {
      const batch = take();
      if (sent(batch).includes('LARGE')) queue.handleResponse(batch, TOO_LARGE, -1, 0);
      else {
        expect(queue.identity!.sequence).toBe(appended.length);
        appended.push(...sent(batch));
        queue.handleResponse(batch, 0, 0, 0);
      }
    }
    expect(appended).toEqual(['a', 'b', 'd', 'e']);
    expect(results).toEqual([expect.objectContaining({ failure: 'too large', records: [2] })]);
  });

  it('fails all records of a batch after an authorization failure', () => {
    add(['a', 'b']);
    queue.handleResponse(take(), FORBIDDEN, -1, 0);
    expect(results).toEqual([expect.objectContaining({ failure: 'refused', records: [0, 1] })]);
    expect(queue.identity).toEqual({ producerId: 42n, epoch: 0, sequence: 0 });
  });

  it('drops unsent records at the timeout of their callers, without a new epoch', () => {
    add(['a'], { deadline: 100 });
    add(['b'], { deadline: 900 });
    queue.expire(100);
    expect(results).toEqual([expect.objectContaining({ failure: 'timed out', records: [0] })]);
    expect(sent(take())).toEqual(['b']);
    expect(queue.identity!.epoch).toBe(0);
  });

  it('begins a new epoch after a batch that timed out with unknown outcome, so that it cannot be appended later', () => {
    add(['a'], { deadline: 100 });
    queue.handleNoResponse(take(), 'no answer', 50);
    queue.expire(100);
    expect(queue.isEmpty).toBe(true);
    expect(queue.identity).toEqual({ producerId: 42n, epoch: 1, sequence: 0 });
    expect((results[0] as Error).message).toBe('not acknowledged within 100 ms: no answer');
  });

  it('waits for the response to a batch in flight although its callers have timed out, and then continues', () => {
    add(['a'], { deadline: 100 });
    const batch = take();
    add(['b'], { deadline: 900 });
    queue.expire(100);
    expect(queue.canSend(100)).toBe(false);
    queue.handleResponse(batch, 0, 5, 0);
    expect(queue.identity!.sequence).toBe(1);
    expect(sent(take())).toEqual(['b']);
  });

  it('is due when the oldest record has waited for the linger time, or at once when a batch is full', () => {
    add(['a'], { at: 500 });
    expect(queue.due(10, LIMITS)).toBe(510);
    add(Array.from({ length: 9 }, () => 'x'));
    expect(queue.due(10, LIMITS)).toBe(0);
    expect(take().records).toHaveLength(10);
    expect(queue.due(10, LIMITS)).toBe(Infinity);
  });
});
