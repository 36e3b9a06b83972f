import { aMetric, anExternalAlert, aStrategy, NOON } from '../../test/support/builders.js';
import { compiledRules } from '../../test/support/compiled-rules.js';
import { minute, outline, Partition } from '../../test/support/partition.js';
import { PartitionFold } from './fold.js';
import { TocsinError } from '../shared/errors.js';
import { jsonFormat, openBlock, sealBlock, sealJson } from './checkpoint-block.js';
import { headFormat, headOf } from './head-block.js';
import { idFormat } from './id-blocks.js';
import { leaseEndFormat, leaseFormat } from './lease-blocks.js';
import { columnFormat, judgementFormat, queryFormat, textFormat } from './series-blocks.js';

interface Stored {
  readonly id: string;
  readonly bytes: Buffer;
}

const options = { identifyBy: 'bk_biz_id' } as const;
const strategies = [aStrategy({ item: { lateness: 0 } })];
const rules = compiledRules({ version: 1, strategies });
const alarm = (instance: string, count = 0) =>
  anExternalAlert({ timestamp: minute(count), raw_data: { labels: { instance }, endsAt: minute(count + 5) } });
const cpu = (host: string, count = 0) => aMetric({ timestamp: minute(count), raw_data: { value: 100, dimensions: { host } } });

/** Takes the changed blocks, as the service does. `names` omits the blocks of event ids, which change with every event. */
function checkpoint({ fold }: Partition): { stored: Stored[]; names: string[]; removed: string[] } {
  const stored = fold.dirtyBlocks();
  const removed = fold.removedBlocks();
  fold.markClean();
  return { stored, names: stored.map(({ id }) => id).filter((id) => !id.startsWith('ids/')), removed };
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** A partition with an open alert, an open bucket and a lease. */
function lively(): Partition {
  const partition = new Partition(strategies);
  partition.minutes('xx');
  partition.send(alarm('web-1'));
  return partition;
}

describe('a checkpoint', () => {
  it('holds the head, the series of a rule, their texts, leases and their ends', () => {
    const { names, removed } = checkpoint(lively());
    expect(names.map((name) => name.replace(/\d+$/, 'n'))).toEqual([
      'head',
      'texts/1.1/n',
      'query/1.1.0/n',
      'judgement/1.1/n',
      'leases/n',
      'lease-ends/n',
    ]);
    expect(removed).toEqual([]);
  });

  it('holds the ids of the events since the last, in chunks of which only the last one grows', () => {
    const partition = new Partition(strategies);
    const ids = (): string[] =>
      checkpoint(partition).stored.flatMap(({ id, bytes }) => (id.startsWith('ids/') ? [`${id} ${(bytes.length - 5) / 8}`] : []));
    partition.send(...Array.from({ length: 5000 }, () => cpu('web-1')));
    expect(ids()).toEqual(['ids/0/0 4096', 'ids/0/1 904']);
    partition.send(cpu('web-1'));
    expect(ids()).toEqual(['ids/0/1 905']);
  });

  it('from before ids were remembered can be read, and remembers none', () => {
    const partition = lively();
    const stored = checkpoint(partition).stored.filter(({ id }) => !id.startsWith('ids/'));
    const { ids: _ids, ...head } = openBlock(headFormat, stored[0]!);
    const restored = PartitionFold.restore(options, rules, [sealBlock(headFormat, '', [Buffer.from(JSON.stringify(head))]), ...stored.slice(1)]);
    expect(restored.sizes).toEqual(partition.fold.sizes);
  });

  it('is empty when nothing has happened since the last', () => {
    const partition = lively();
    checkpoint(partition);
    expect(checkpoint(partition)).toMatchObject({ names: [], removed: [] });
  });

  it('holds only the head after a tick', () => {
    const partition = lively();
    checkpoint(partition);
    partition.tick(partition.time + 1000);
    expect(checkpoint(partition).names).toEqual(['head']);
  });

  it('holds the block of a series that got a value, and no texts', () => {
    const partition = new Partition(strategies);
    partition.send(...Array.from({ length: 2050 }, (_, index) => cpu(`host-${index}`)));
    const parts = ['texts/1.1', 'query/1.1.0', 'judgement/1.1'];
    expect(checkpoint(partition).names).toEqual(['head', ...parts.flatMap((part) => [0, 1, 2].map((block) => `${part}/${block}`))]);
    partition.send(cpu('host-1024'));
    expect(checkpoint(partition).names).toEqual(['head', 'query/1.1.0/1']);
    partition.send(cpu('host-1024', 1));
    expect(checkpoint(partition).names).toEqual(['head', 'query/1.1.0/1', 'judgement/1.1/1']);
    partition.send(cpu('a new one'));
    expect(checkpoint(partition).names).toEqual(['head', ...parts.map((part) => `${part}/2`)]);
  });

  it('holds the block of a series for which time has done something', () => {
    const partition = new Partition(strategies);
    partition.minutes('xx');
    checkpoint(partition);
    partition.silence(60_000);
    expect(checkpoint(partition).names).toEqual(['head', 'query/1.1.0/0', 'judgement/1.1/0']);
    partition.silence(60_000);
    expect(checkpoint(partition).names).toEqual(['head']);
    partition.silence(28 * 60_000);
    expect(checkpoint(partition).names).toEqual(['head', 'judgement/1.1/0']);
  });

  it('holds only the ends of a lease that was renewed', () => {
    const partition = lively();
    const { names } = checkpoint(partition);
    partition.send(alarm('web-1', 1));
    expect(checkpoint(partition).names).toEqual(['head']);
    partition.silence(1000);
    partition.send(alarm('web-1', 1));
    expect(checkpoint(partition).names).toEqual(['head', names.at(-1)]);
  });

  it('removes what was forgotten', () => {
    const partition = lively();
    const { names } = checkpoint(partition);
    partition.rules([]);
    partition.silence(5 * 60_000);
    expect(checkpoint(partition).removed).toEqual(['texts/1.1/0', 'query/1.1.0/0', 'judgement/1.1/0']);
    partition.tick(minute(120));
    expect(checkpoint(partition).removed).toEqual(names.slice(-2));
  });

  it('names the series of a strategy that begins anew otherwise, so that removal cannot hit them', () => {
    const partition = lively();
    checkpoint(partition);
    partition.rules([]);
    partition.rules(strategies);
    partition.minutes('x', 2);
    const { names, removed } = checkpoint(partition);
    expect(names).toContain('judgement/1.3/0');
    expect(removed).toEqual(['texts/1.1/0', 'query/1.1.0/0', 'judgement/1.1/0']);
  });

  it('takes less room for a series than for its key', () => {
    const partition = new Partition(strategies);
    partition.send(...Array.from({ length: 1024 }, (_, index) => cpu(`host-${index}`)));
    const columns = checkpoint(partition).stored.filter(({ id }) => /^(query|judgement)/.test(id));
    expect(columns.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024).toBeLessThan(45);
  });
});

describe('a restored fold', () => {
  const { stored } = checkpoint(lively());

  it('knows the rule set that it needs', () => {
    expect(headOf(stored).rulesVersion).toBe(1);
    expect(PartitionFold.restore(options, rules, stored).rulesVersion).toBe(1);
    expect(() => PartitionFold.restore(options, compiledRules({ version: 2, strategies }), stored)).toThrow('the checkpoint needs rule set 1, not 2');
  });

  it('has nothing to store', () => {
    const fold = PartitionFold.restore(options, rules, stored);
    expect([fold.dirtyBlocks(), fold.removedBlocks()]).toEqual([[], []]);
  });

  it('counts and waits as the one before', () => {
    const { fold } = lively();
    const restored = PartitionFold.restore(options, rules, [...stored].reverse());
    expect([restored.counts, restored.sizes, restored.waiting]).toEqual([fold.counts, fold.sizes, fold.waiting]);
  });

  it('ends what was open', () => {
    const fold = PartitionFold.restore(options, rules, stored);
    const partition = Object.assign(new Partition(strategies), { fold, time: NOON });
    expect(outline(partition.silence(5 * 60_000))).toEqual(['recovered 5']);
    expect(outline(partition.minutes('.......', 2))).toEqual(['recovered 6']);
  });
});

describe('a broken snapshot', () => {
  const { stored } = checkpoint(lively());
  const ids = stored.map(({ id }) => id);
  const restore = (blocks: readonly Stored[]) => () => PartitionFold.restore(options, rules, blocks);
  const altered = (id: string, change: (bytes: Buffer) => Buffer) =>
    stored.map((block) => (block.id === id ? { id, bytes: change(Buffer.from(block.bytes)) } : block));

  it.each(ids)('names %s when a bit of it has turned over', (id) => {
    const flipped = (bytes: Buffer): Buffer => {
      bytes[bytes.length - 1]! ^= 4;
      return bytes;
    };
    expect(restore(altered(id, flipped))).toThrow(`checkpoint block ${id} is damaged`);
  });

  it.each(ids)('names %s when it is cut off', (id) => {
    expect(restore(altered(id, (bytes) => bytes.subarray(0, 3)))).toThrow(`checkpoint block ${id} is truncated`);
    expect(restore(altered(id, (bytes) => bytes.subarray(0, 12)))).toThrow(`checkpoint block ${id} is damaged`);
  });

  it.each(ids)('is refused with T6301 and the remedies when %s has another format', (id) => {
    const newer = (bytes: Buffer): Buffer => {
      bytes[0] = 9;
      return bytes;
    };
    const refused = thrownBy(restore(altered(id, newer))) as TocsinError;
    expect(refused.code).toBe('T6301');
    expect(refused.message).toMatch(new RegExp(`block ${id} has format 9, this version reads \\d.*go back to the version.*tocsin offsets reset`));
  });

  it.each(ids)('is refused without %s', (id) => {
    expect(restore(stored.filter((block) => block.id !== id))).toThrow(
      /checkpoint block \S+ (is missing|lacks its (counterpart|texts))|checkpoint lacks ids/,
    );
  });

  it('is refused when one block stands in for another', () => {
    const [head, texts] = stored;
    expect(restore([{ id: texts!.id, bytes: head!.bytes }])).toThrow();
    expect(() => openBlock(textFormat, { id: texts!.id, bytes: head!.bytes })).toThrow('its checksum differs');
  });

  it('is refused when series do not fit the rules', () => {
    const other = [aStrategy({ detects: [{ level: 2, trigger: { count: 1, check_window: 40 } }] })];
    expect(() => PartitionFold.restore(options, compiledRules({ version: 1, strategies: other }), stored)).toThrow(
      'checkpoint block query/1.1.0/0 does not fit',
    );
    expect(() => PartitionFold.restore(options, compiledRules({ version: 1, strategies: [] }), stored)).toThrow(
      'checkpoint block texts/1.1/0 belongs to no strategy',
    );
  });

  it.each(['series/1.1/0', 'texts/x', 'judgement', 'query/1/0'])('is refused when a version names a block %s', (id) => {
    const refused = thrownBy(restore([...stored, { ...stored[0]!, id }])) as TocsinError;
    expect(refused).toBeInstanceOf(TocsinError);
    expect(refused.code).toBe('T6301');
  });
});

describe('the format of a kind of block', () => {
  const old = jsonFormat<number[]>('sizes', 1);
  const block = sealJson(old, '0', [1, 2]);

  it('reads an older format by a line in its table, and writes the latest', () => {
    const sizes = jsonFormat<Record<string, number>>('sizes', 2, { 1: (payload) => ({ first: (JSON.parse(payload.toString()) as number[])[0]! }) });
    expect(openBlock(sizes, block)).toEqual({ first: 1 });
    expect(openBlock(sizes, sealJson(sizes, '0', { first: 5 }))).toEqual({ first: 5 });
    expect(sealJson(sizes, '0', {}).bytes[0]).toBe(2);
  });

  it('leaves the formats of other kinds alone', () => {
    const kinds = [headFormat, textFormat, queryFormat, judgementFormat, leaseFormat, leaseEndFormat, idFormat];
    expect(Object.fromEntries(kinds.map(({ kind, format }) => [kind, format]))).toEqual({
      head: 1,
      texts: 1,
      query: 1,
      judgement: 1,
      leases: 2,
      'lease-ends': 1,
      ids: 1,
    });
  });

  it('of columns leaves a column empty that an older layout lacks', () => {
    const before = columnFormat<{ a: unknown; b: unknown }>('columns', { 1: ['b'] });
    const after = columnFormat<{ a: unknown; b: unknown }>('columns', { 1: ['b'], 2: ['a', 'b'] });
    expect(after.format).toBe(2);
    expect(openBlock(after, sealBlock(before, '0', [])).names).toEqual(['b']);
    expect(openBlock(after, sealBlock(after, '0', [])).names).toEqual(['a', 'b']);
  });
});
