import { type BlockFormat, blockId, openBlock, blockPlace, sealBlock } from './checkpoint-block.js';
import type { CheckpointBlock } from './checkpoint.repository.js';
import type { IdChunk, RecentIds } from './recent-ids.js';

type ChunkPlace = Pick<IdChunk, 'generation' | 'chunk'>;

/** Two cells for each id, as they are in memory. */
export const idFormat: BlockFormat<Uint32Array> = { kind: 'ids', format: 1, readers: { 1: cellsOf } };

const nameOf = ({ generation, chunk }: ChunkPlace): string => `${generation}/${chunk}`;

/** The changed blocks of the remembered event ids. */
export function dirtyIds(ids: RecentIds): CheckpointBlock[] {
  return ids
    .dirtyChunks()
    .map((chunk) => sealBlock(idFormat, nameOf(chunk), [new Uint8Array(chunk.hashes.buffer, chunk.hashes.byteOffset, chunk.hashes.byteLength)]));
}

/** Names of the blocks whose generation is no longer remembered. */
export const removedIds = (ids: RecentIds): string[] => ids.removedChunks().map((chunk) => blockId(idFormat.kind, nameOf(chunk)));

/** Fills an empty memory of ids. Throws an Error that names a block which is missing or damaged. */
export function restoreIds(ids: RecentIds, blocks: readonly CheckpointBlock[], extent: { readonly generation: number; readonly size: number }): void {
  const chunks = blocks.map((block): IdChunk => {
    const [generation, chunk] = blockPlace(block).split('/').map(Number);
    return { generation: generation!, chunk: chunk!, hashes: openBlock(idFormat, block) };
  });
  ids.restore(extent, chunks);
}

function cellsOf(payload: Buffer): Uint32Array {
  const bytes = Uint8Array.from(payload);
  return new Uint32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
}
