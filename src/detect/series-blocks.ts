import { type BlockFormat, blockId, jsonFormat, openBlock, blockPlace, sealBlock, sealJson, unreadable } from './checkpoint-block.js';
import type { CheckpointBlock } from './checkpoint.repository.js';
import type { Cells, ColumnSlice, ColumnTable } from './column-table.js';
import type { JudgementColumns } from './judgement-columns.js';
import type { BucketColumns } from './query-buckets.js';
import type { RuleFold } from './rule-fold.js';

/** Packed columns, and their names in the order in which they are packed. */
interface PackedColumns<Columns> {
  readonly names: readonly (keyof Columns)[];
  readonly bytes: Buffer;
}

/** A format of columns: the latest line of `layouts` is written, every line can be read, and a column that a line lacks stays empty. */
export function columnFormat<Columns>(
  kind: string,
  layouts: Readonly<Record<number, readonly (keyof Columns)[]>>,
): BlockFormat<PackedColumns<Columns>> {
  const readers = Object.entries(layouts).map(([format, names]) => [Number(format), (bytes: Buffer) => ({ names, bytes })] as const);
  return { kind, format: Math.max(...readers.map(([format]) => format)), readers: Object.fromEntries(readers) };
}

const queryLayouts: Readonly<Record<number, readonly (keyof BucketColumns)[]>> = {
  1: ['watermark', 'closedThrough', 'oldest', 'observedAt', 'counts', 'values', 'times'],
};
const judgementLayouts: Readonly<Record<number, readonly (keyof JudgementColumns)[]>> = {
  1: ['judgedThrough', 'lastEnd', 'severity', 'transition', 'strategyVersion', 'streak', 'beginTime', 'emittedAt', 'windows'],
};

export const textFormat = jsonFormat<readonly string[]>('texts', 1);
export const queryFormat = columnFormat('query', queryLayouts);
export const judgementFormat = columnFormat('judgement', judgementLayouts);

/** The part of a rule's state that checkpoint blocks contain, one table of columns for each prefix of block names. */
interface StoredTable {
  readonly prefix: string;
  dirtyBlocks(): number[];
  seal(block: number): CheckpointBlock;
  restore(block: CheckpointBlock, number: number): void;
}

/** `strategy.version`: a strategy whose series start over gets other names, so that removing the old blocks cannot hit the new ones. */
const seriesOf = ({ rule, createdAt }: RuleFold): string => `${rule.strategy.id}.${createdAt}`;

function tablesOf(fold: RuleFold): StoredTable[] {
  return [
    ...fold.queries.map(({ table }, query) => storedTable(fold, queryFormat, table, `${seriesOf(fold)}.${query}`)),
    storedTable(fold, judgementFormat, fold.judgement.table, seriesOf(fold)),
  ];
}

function storedTable<Columns extends { [Name in keyof Columns]: Cells }>(
  { series }: RuleFold,
  format: BlockFormat<PackedColumns<Columns>>,
  table: ColumnTable<Columns>,
  place: string,
): StoredTable {
  const { names } = format.readers[format.format]!(Buffer.alloc(0));
  return {
    prefix: blockId(format.kind, place),
    dirtyBlocks: () => table.dirtyBlocks(),
    seal: (block) => sealBlock(format, `${place}/${block}`, pack(table.slices(names, block, series.size))),
    restore(block, number) {
      const stored = openBlock(format, block);
      const fits = unpack(stored.bytes, table.slices(stored.names, number, series.size));
      if (!fits) throw new Error(`checkpoint block ${block.id} does not fit its series`);
    },
  };
}

/** The changed blocks of a rule's series. */
export function dirtySeries(fold: RuleFold): CheckpointBlock[] {
  return [
    ...fold.series.dirtyBlocks().map((block) => sealJson(textFormat, `${seriesOf(fold)}/${block}`, fold.series.textsOf(block))),
    ...tablesOf(fold).flatMap((table) => table.dirtyBlocks().map((block) => table.seal(block))),
  ];
}

/** Names of all blocks that a rule's series can have in the latest checkpoint. */
export function seriesBlockNames(fold: RuleFold): string[] {
  const prefixes = [blockId(textFormat.kind, seriesOf(fold)), ...tablesOf(fold).map(({ prefix }) => prefix)];
  return prefixes.flatMap((prefix) => Array.from({ length: fold.series.blocks }, (_, block) => `${prefix}/${block}`));
}

/** The checkpoint blocks of one strategy by name, and the version of the rule set in which its series began. */
export interface StoredSeries {
  readonly createdAt: number;
  readonly blocks: Map<string, CheckpointBlock>;
}

/** Sorts blocks of series by strategy. Throws T6301 for a name that no block can have. */
export function storedSeries(blocks: readonly CheckpointBlock[]): Map<number, StoredSeries> {
  const stored = new Map<number, StoredSeries>();
  for (const block of blocks) {
    const [, strategy, createdAt] = /^(\d+)\.(\d+)(?:\.\d+)?\/\d+$/.exec(blockPlace(block))?.map(Number) ?? [];
    if (strategy === undefined || createdAt === undefined) throw unreadable(`block ${block.id} has an unknown name`);
    const found = stored.get(strategy) ?? { createdAt, blocks: new Map<string, CheckpointBlock>() };
    stored.set(strategy, found);
    if (found.createdAt !== createdAt) throw new Error(`checkpoint block ${block.id} does not belong to the series of version ${found.createdAt}`);
    found.blocks.set(block.id, block);
  }
  return stored;
}

/** Fills an empty fold. Throws an Error that names a block which is missing, damaged or of the wrong size. */
export function restoreSeries(fold: RuleFold, { blocks }: StoredSeries): void {
  const rest = new Map(blocks);
  const texts = blockId(textFormat.kind, seriesOf(fold));
  for (let number = 0; rest.has(`${texts}/${number}`); number++) {
    for (const text of openBlock(textFormat, taken(rest, `${texts}/${number}`))) fold.restoreSeries(text);
    for (const table of tablesOf(fold)) table.restore(taken(rest, `${table.prefix}/${number}`), number);
  }
  const [orphan] = rest.keys();
  if (orphan !== undefined) throw new Error(`checkpoint block ${orphan} lacks its texts`);
  fold.recount();
}

function taken(blocks: Map<string, CheckpointBlock>, id: string): CheckpointBlock {
  const block = blocks.get(id);
  if (!block) throw new Error(`checkpoint block ${id} is missing`);
  blocks.delete(id);
  return block;
}

const ABSENT = Buffer.of(0);
const PRESENT = Buffer.of(1);

/** Column after column: 1 and its bytes as they are in memory (little-endian on every supported platform), or 0 when all cells are empty. */
function pack(slices: readonly ColumnSlice[]): Uint8Array[] {
  return slices.flatMap(({ cells, empty }) =>
    holdsOnly(cells, empty) ? [ABSENT] : [PRESENT, new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength)],
  );
}

function holdsOnly(cells: ColumnSlice['cells'], value: number): boolean {
  for (let index = 0; index < cells.length; index++) if (cells[index] !== value) return false;
  return true;
}

/** The reverse of {@link pack} into slices of new series; false when the bytes are not as many as the slices need. */
function unpack(bytes: Buffer, slices: readonly ColumnSlice[]): boolean {
  let at = 0;
  for (const { cells } of slices) {
    if (bytes[at++] !== 1) continue;
    const part = bytes.subarray(at, (at += cells.byteLength));
    if (part.length < cells.byteLength) return false;
    new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength).set(part);
  }
  return at === bytes.length;
}
