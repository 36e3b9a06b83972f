import type { Block } from './checkpoint.repository.js';
import type { IdChunk, RecentIds } from './recent-ids.js';
import { seal, unseal } from './snapshot.js';

type Place = Pick<IdChunk, 'generation' | 'chunk'>;

const nameOf = ({ generation, chunk }: Place): string => `ids/${generation}/${chunk}`;

export const isIds = ({ id }: Block): boolean => id.startsWith('ids/');

/** The changed blocks of the ids of latest events. */
export function dirtyIds(ids: RecentIds): Block[] {
  return ids
    .dirtyChunks()
    .map((chunk) => seal(nameOf(chunk), [new Uint8Array(chunk.hashes.buffer, chunk.hashes.byteOffset, chunk.hashes.byteLength)]));
}

/** Names of the blocks whose generation is forgotten. */
export const removedIds = (ids: RecentIds): string[] => ids.removedChunks().map(nameOf);

/** Fills an empty memory of ids. Throws an Error that names a block which is missing or broken. */
export function restoreIds(ids: RecentIds, blocks: readonly Block[], extent: { readonly generation: number; readonly size: number }): void {
  const chunks = blocks.map((block): IdChunk => {
    const bytes = Uint8Array.from(unseal(block));
    const [, generation, chunk] = block.id.split('/').map(Number);
    return { generation: generation!, chunk: chunk!, hashes: new Uint32Array(bytes.buffer, 0, Math.floor(bytes.length / 4)) };
  });
  ids.restore(extent, chunks);
}
