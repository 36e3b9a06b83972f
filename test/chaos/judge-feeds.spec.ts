import type { FedRecord } from './feeds.js';
import { type Marked, missingFed, wrongFeeds } from './judge-feeds.js';

const fed = (offset: number, ...marks: string[]): FedRecord => ({
  topic: 'foreign',
  partition: 0,
  offset,
  value: Buffer.from(`record ${offset}`),
  events: marks.map((mark) => ({ mark, business: '7' })),
});
const logged = (mark: string, event_id = `id of ${mark}`): Marked => ({ event_id, bk_biz_id: '7', event_source: 'chaos', raw_data: { mark } });
const letter = (offset: number, value: string) => ({ topic: 'foreign', partition: 0, offset, value: Buffer.from(value) });

const records = [fed(0, 'a', 'b'), fed(1), fed(2, 'c')];
const letters = [letter(1, 'record 1')];
const ofOther: Marked = { event_id: 'x', bk_biz_id: '7', event_source: 'chaos', raw_data: {} };
const wrong = (...marks: Marked[]): string[] => wrongFeeds(records, marks, letters);

describe('records of external topics', () => {
  it('may be in the log more than once, the repetitions anywhere behind the first', () => {
    const events = [logged('a'), ofOther, logged('b'), logged('a'), logged('c'), logged('b')];
    expect(missingFed(records, events)).toEqual([]);
    expect(wrong(...events)).toEqual([]);
  });

  it('must be there', () => {
    expect(missingFed(records, [logged('a'), logged('b')])).toEqual(['event c of foreign/0/2: written, but not in the log']);
  });

  it('must keep its id when it is redelivered, and have a unique id', () => {
    expect(wrong(logged('a'), logged('b'), logged('a', 'another'), logged('c'))).toEqual([
      'event a: came again as ["7","chaos","another"], was ["7","chaos","id of a"]',
    ]);
    expect(wrong(logged('a'), logged('b'), logged('c', 'id of a'))).toEqual(['event c: has the id ["7","chaos","id of a"] of a']);
  });

  it('must come in its order', () => {
    expect(wrong(logged('b'), logged('a'), logged('c'))).toEqual(['event b of foreign/0/0: came before a, which is older']);
    expect(wrong(logged('c'), logged('a'), logged('b'))).toEqual(['event c of foreign/0/2: came before b, which is older']);
  });

  it('goes to the dead letters when it can never work, as it was, and only then', () => {
    const all = [logged('a'), logged('b'), logged('c')];
    expect(wrongFeeds(records, all, [...letters, ...letters])).toEqual([]);
    expect(wrongFeeds(records, all, [])).toEqual(['dead letter foreign/0/1: missing']);
    expect(wrongFeeds(records, all, [letter(1, 'other')])).toEqual(["dead letter foreign/0/1: the bytes differ from the record's"]);
    expect(wrongFeeds(records, all, [...letters, letter(2, 'record 2')])).toEqual(['dead letter foreign/0/2: the record was not poison']);
  });
});
