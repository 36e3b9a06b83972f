import fc from 'fast-check';
import { type AlertDraft, PartitionFold } from '../../src/detect/fold.js';
import { headOf } from '../../src/detect/head-block.js';
import { changeRules, compiledRules } from '../support/compiled-rules.js';
import { referenceAlerts } from './detect.js';
import { historyOf, ruleSetsOf } from './histories.js';
import type { ReferenceMessage } from './journal.js';
import { type RandomHistory, randomHistory, wideHistory } from './random-histories.js';

/** Number of random histories; ORACLE_RUNS sets another, and ORACLE_SEED repeats a run. */
const numRuns = Number(process.env['ORACLE_RUNS'] ?? 300);
const seed = process.env['ORACLE_SEED'];
const parameters = { numRuns, ...(seed && { seed: Number(seed) }) };

type Emitted = AlertDraft & { readonly offset: number };
type Blocks = Map<string, Buffer>;

/** Runs the fold of one partition as Detect does. */
class Engine {
  readonly emitted: Emitted[] = [];
  readonly #blocks: Blocks = new Map();
  #checkpointAt = 0;
  #fold: PartitionFold;

  constructor(private readonly history: RandomHistory) {
    this.#fold = new PartitionFold(this.#options);
  }

  get #options() {
    return { identifyBy: this.history.identifyBy };
  }

  apply(offset: number, silent = false): void {
    const event = this.history.events[offset]!;
    const emit = (draft: AlertDraft): void => void (silent || this.emitted.push({ ...draft, offset }));
    if (event.event_type === 'tick' && event.raw_data.rules_version > this.#fold.rulesVersion) {
      changeRules(this.#fold, this.#rules(event.raw_data.rules_version), event.timestamp, emit);
    }
    this.#fold.apply(event, emit);
  }

  /** Stores the changes since the last checkpoint; the state reflects every record below `offset`. */
  checkpoint(offset: number): void {
    for (const { id, bytes } of this.#fold.dirtyBlocks()) this.#blocks.set(id, Buffer.from(bytes));
    for (const id of this.#fold.removedBlocks()) this.#blocks.delete(id);
    this.#fold.markClean();
    this.#checkpointAt = offset;
  }

  /** Crashes and recovers: restores the checkpoint, then replays the records below `offset` with output suppressed. */
  crash(offset: number): void {
    const blocks = [...this.#blocks].map(([id, bytes]) => ({ id, bytes }));
    const fresh = blocks.length === 0;
    this.#fold = fresh
      ? new PartitionFold(this.#options)
      : PartitionFold.restore(this.#options, compiledRules(this.#rules(headOf(blocks).rulesVersion)), blocks);
    for (let replayed = this.#checkpointAt; replayed < offset; replayed++) this.apply(replayed, true);
  }

  #rules(version: number) {
    return version === 0 ? { version, strategies: [] } : ruleSetsOf(...this.history.ruleSets)(version);
  }
}

const expected = (history: RandomHistory): ReferenceMessage[] => {
  const { messages } = referenceAlerts([historyOf(history.events)], ruleSetsOf(...history.ruleSets), history);
  return messages.map(({ partition: _, ...message }) => message as ReferenceMessage);
};

/** The fields of each message that the page defines. */
function comparable(emitted: readonly Emitted[], reference: readonly ReferenceMessage[]): unknown[] {
  return emitted.map((message, index) => {
    const fields = Object.entries(reference[index] ?? reference.at(-1) ?? message).filter(([, value]) => value !== undefined);
    return Object.fromEntries(fields.map(([name]) => [name, message[name as keyof Emitted]]));
  });
}

function expectEqual(history: RandomHistory, { emitted }: Engine): void {
  const reference = expected(history);
  expect(comparable(emitted, reference)).toEqual(
    reference.map((message) => Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined))),
  );
}

describe('the engine and the reference', () => {
  it('emit the same messages for random short histories', () => {
    const property = fc.property(randomHistory, (history) => {
      const engine = new Engine(history);
      history.events.forEach((_, offset) => engine.apply(offset));
      expectEqual(history, engine);
    });
    fc.assert(property, parameters);
  });

  it('emit the same messages when the engine crashes and recovers from its checkpoint', () => {
    const stops = fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 999 }).map((place) => place / 1000), what: fc.constantFrom('checkpoint', 'checkpoint', 'crash') }),
      { minLength: 1, maxLength: 6 },
    );
    const property = fc.property(randomHistory, stops, (history, each) => {
      const engine = new Engine(history);
      history.events.forEach((_, offset) => {
        for (const { what } of each.filter(({ at }) => Math.floor(at * history.events.length) === offset)) {
          if (what === 'crash') engine.crash(offset);
          else engine.checkpoint(offset);
        }
        engine.apply(offset);
      });
      expectEqual(history, engine);
    });
    fc.assert(property, parameters);
  });

  it('emit the same messages for many series, with a crash in between', () => {
    const history = wideHistory(3000, 40_000);
    const engine = new Engine(history);
    history.events.forEach((_, offset) => {
      if (offset % 10_000 === 5000) engine.checkpoint(offset);
      if (offset % 20_000 === 19_000) engine.crash(offset);
      engine.apply(offset);
    });
    expect(engine.emitted.length).toBeGreaterThan(1000);
    expectEqual(history, engine);
  });
});
