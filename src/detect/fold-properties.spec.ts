import fc from 'fast-check';
import { changeRules, compiledRules } from '../../test/support/compiled-rules.js';
import { ruleSetsOf } from '../../test/oracle/histories.js';
import { type RandomHistory, randomHistory } from '../../test/oracle/random-histories.js';
import { type RawEvent, topics } from '../topics.js';
import { type AlertDraft, PartitionFold } from './fold.js';
import { headOf } from './head-block.js';

type Blocks = Map<string, Buffer>;

const rulesOf = ({ ruleSets }: RandomHistory) => ruleSetsOf(...ruleSets);
const noRules = { version: 0, strategies: [] };

function apply(fold: PartitionFold, history: RandomHistory, event: RawEvent, drafts: AlertDraft[]): void {
  const emit = (draft: AlertDraft): void => void drafts.push(draft);
  if (event.event_type === 'tick' && event.raw_data.rules_version > fold.rulesVersion) {
    changeRules(fold, rulesOf(history)(event.raw_data.rules_version), event.timestamp, emit);
  }
  fold.apply(event, emit);
}

function straight(history: RandomHistory): { drafts: AlertDraft[]; fold: PartitionFold } {
  const drafts: AlertDraft[] = [];
  const fold = new PartitionFold(history);
  for (const event of history.events) apply(fold, history, event, drafts);
  return { drafts, fold };
}

function store(fold: PartitionFold, blocks: Blocks): void {
  for (const id of fold.removedBlocks()) blocks.delete(id);
  for (const { id, bytes } of fold.dirtyBlocks()) blocks.set(id, bytes);
  fold.markClean();
}

function restored(history: RandomHistory, blocks: Blocks): PartitionFold {
  const stored = [...blocks].map(([id, bytes]) => ({ id, bytes }));
  const version = headOf(stored).rulesVersion;
  return PartitionFold.restore(history, compiledRules(version === 0 ? noRules : rulesOf(history)(version)), stored);
}

/** Splits a history at relative positions between its events. */
const cut = (history: RandomHistory, places: readonly number[]): RawEvent[][] => {
  const ends = [...new Set(places.map((place) => Math.floor(place * history.events.length)))].sort((a, b) => a - b);
  return [...ends, history.events.length].map((end, index) => history.events.slice(ends[index - 1] ?? 0, end)).filter((part) => part.length > 0);
};
// Whole numbers, because most random doubles between 0 and 1 are nearly 0.
const places = fc.array(
  fc.integer({ min: 0, max: 999 }).map((place) => place / 1000),
  { maxLength: 12 },
);
const bytesOf = (blocks: Blocks): Record<string, string> => Object.fromEntries([...blocks].map(([id, bytes]) => [id, bytes.toString('base64')]));

describe('the fold of any history', () => {
  it('is the same however its events are packed into records', () => {
    fc.assert(
      fc.property(randomHistory, places, (history, each) => {
        const drafts: AlertDraft[] = [];
        const fold = new PartitionFold(history);
        for (const events of cut(history, each)) {
          const record = topics.rawEvents.parse(JSON.parse(JSON.stringify(events.length > 1 ? { v: 1, events } : events[0])));
          for (const event of 'events' in record ? (record.events as RawEvent[]) : [record as RawEvent]) apply(fold, history, event, drafts);
        }
        expect(drafts).toEqual(straight(history).drafts);
      }),
    );
  });

  it('goes on from a snapshot as if there had been none, and ends with the same memory', () => {
    fc.assert(
      fc.property(randomHistory, places, (history, each) => {
        const expected = straight(history);
        const drafts: AlertDraft[] = [];
        const blocks: Blocks = new Map();
        let fold = new PartitionFold(history);
        for (const events of cut(history, each)) {
          for (const event of events) apply(fold, history, event, drafts);
          store(fold, blocks);
          fold = restored(history, blocks);
        }
        const whole: Blocks = new Map();
        store(expected.fold, whole);
        expect(drafts).toEqual(expected.drafts);
        expect(bytesOf(blocks)).toEqual(bytesOf(whole));
        expect([fold.sizes, fold.counts, fold.waiting]).toEqual([expected.fold.sizes, expected.fold.counts, expected.fold.waiting]);
      }),
    );
  });

  it('has one open alert for each key at most, whose messages are numbered from its birth to its end', () => {
    fc.assert(
      fc.property(randomHistory, (history) => {
        const open = new Map<string, AlertDraft>();
        const born = new Set<string>();
        for (const draft of straight(history).drafts) {
          const last = open.get(draft.alert_key);
          if (draft.kind === 'fired') {
            expect([last, born.has(draft.alert_id)]).toEqual([undefined, false]);
            expect(draft.begin_time).toBe(draft.anomaly_timestamps[0]);
            born.add(draft.alert_id);
          }
          expect(draft.transition).toBe((last?.transition ?? 0) + 1);
          expect(last === undefined).toBe(draft.kind === 'fired');
          expect(draft).toMatchObject(last ? { alert_id: last.alert_id, begin_time: last.begin_time } : {});
          if (draft.kind === 'severity_changed') expect(draft.severity).toBeLessThan(last!.severity);
          else if (last) expect(draft.severity).toBe(last.severity);
          if (draft.status === 'ABNORMAL') open.set(draft.alert_key, draft);
          else open.delete(draft.alert_key);
        }
      }),
    );
  });
});
