import type { Block } from './checkpoint.repository.js';
import type { RuleFold } from './rule-fold.js';
import { BLOCK, type SeriesColumns, type Slice } from './series.js';
import { seal, sealJson, unseal, unsealJson } from './snapshot.js';

/** Which block of which rule's series a block is, and whether it holds columns or texts. */
interface Place {
  readonly kind: 'series' | 'texts';
  readonly strategy: number;
  readonly born: number;
  readonly block: number;
}

const pattern = /^(series|texts)\/(\d+)\.(\d+)\/(\d+)$/;

/** The changed blocks of a rule's series. */
export function dirtySeries({ rule, born, columns }: RuleFold): Block[] {
  const dirty = columns.dirtyBlocks();
  const id = (kind: Place['kind'], block: number): string => nameOf({ kind, strategy: rule.strategy.id, born, block });
  return [
    ...dirty.texts.map((block) => sealJson(id('texts', block), columns.texts.slice(block * BLOCK, (block + 1) * BLOCK))),
    ...dirty.columns.map((block) => seal(id('series', block), pack(columns.slices(block)))),
  ];
}

/** Names of all blocks that a rule's series may have in the latest checkpoint. */
export function seriesBlockNames({ rule, born, columns }: RuleFold): string[] {
  const blocks = Array.from({ length: columns.blocks }, (_, block) => block);
  return (['texts', 'series'] as const).flatMap((kind) => blocks.map((block) => nameOf({ kind, strategy: rule.strategy.id, born, block })));
}

/** What series blocks say of one strategy: which rule set its series began with, and the blocks in order. */
export interface StoredSeries {
  readonly born: number;
  readonly texts: Block[];
  readonly columns: Block[];
}

/** Sorts series blocks by strategy. Throws an Error that names a block which has no place. */
export function storedSeries(blocks: readonly Block[]): Map<number, StoredSeries> {
  const stored = new Map<number, StoredSeries>();
  for (const block of blocks) {
    const { strategy, born, kind, block: number } = placeOf(block.id);
    const found = stored.get(strategy) ?? { born, texts: [], columns: [] };
    stored.set(strategy, found);
    if (found.born !== born) throw new Error(`checkpoint block ${block.id} does not belong to the series of version ${found.born}`);
    found[kind === 'texts' ? 'texts' : 'columns'][number] = block;
  }
  return stored;
}

/** Fills empty columns. Throws an Error that names a block which is missing, broken or of the wrong size. */
export function restoreSeries(columns: SeriesColumns, { texts, columns: numbers }: StoredSeries): void {
  for (let block = 0; block < Math.max(texts.length, numbers.length); block++) {
    const ofTexts = texts[block];
    const ofColumns = numbers[block];
    if (!ofTexts || !ofColumns) throw new Error(`checkpoint block ${(ofTexts ?? ofColumns)?.id ?? block} lacks its counterpart`);
    for (const text of unsealJson(ofTexts) as string[]) columns.numberOf(text);
    if (!unpack(unseal(ofColumns), columns.slices(block))) throw new Error(`checkpoint block ${ofColumns.id} does not fit its series`);
  }
  columns.markClean();
}

const nameOf = ({ kind, strategy, born, block }: Place): string => `${kind}/${strategy}.${born}/${block}`;

function placeOf(id: string): Place {
  const [, kind, strategy, born, block] = pattern.exec(id) ?? [];
  if (kind !== 'series' && kind !== 'texts') throw new Error(`checkpoint block ${id} is of no known kind`);
  return { kind, strategy: Number(strategy), born: Number(born), block: Number(block) };
}

const ABSENT = Buffer.of(0);
const PRESENT = Buffer.of(1);

/** Column after column: 1 and its bytes as they are in memory (little-endian on every platform we run on), or 0 when all cells are empty. */
function pack(slices: readonly Slice[]): Uint8Array[] {
  return slices.flatMap(({ cells, empty }) =>
    holdsOnly(cells, empty) ? [ABSENT] : [PRESENT, new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength)],
  );
}

function holdsOnly(cells: Slice['cells'], value: number): boolean {
  for (let index = 0; index < cells.length; index++) if (cells[index] !== value) return false;
  return true;
}

/** The reverse of {@link pack} into slices of new series; false when the bytes are not as many as the slices need. */
function unpack(bytes: Buffer, slices: readonly Slice[]): boolean {
  let at = 0;
  for (const { cells } of slices) {
    if (bytes[at++] !== 1) continue;
    const part = bytes.subarray(at, (at += cells.byteLength));
    new Uint8Array(cells.buffer, cells.byteOffset, cells.byteLength).set(part);
  }
  return at === bytes.length;
}
