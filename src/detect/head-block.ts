import { blockId, jsonFormat, openBlock, sealJson } from './checkpoint-block.js';
import type { CheckpointBlock } from './checkpoint.repository.js';

/** The part of a partition's state that belongs to no series, no lease and no event id. */
export interface CheckpointHead {
  readonly clock: number;
  /** Greatest timestamp of a tick; null before the first. */
  readonly lastTick: number | null;
  readonly rulesVersion: number;
  /** Leases that were ever opened. */
  readonly opened: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Extent of the remembered event ids; absent in checkpoints from before ids were remembered. */
  readonly ids?: { readonly generation: number; readonly size: number };
}

export const headFormat = jsonFormat<CheckpointHead>('head', 1);

export const sealHead = (head: CheckpointHead): CheckpointBlock => sealJson(headFormat, '', head);

/** Reads the head of a checkpoint. Throws an Error when it is missing or damaged. */
export function headOf(blocks: Iterable<CheckpointBlock>): CheckpointHead {
  for (const block of blocks) if (block.id === blockId(headFormat.kind, '')) return openBlock(headFormat, block);
  throw new Error(`checkpoint block ${headFormat.kind} is missing`);
}

/** The initial checkpoint of a partition, with the rules of this version. */
export function initialCheckpoint(rulesVersion: number): CheckpointBlock[] {
  return [sealHead({ clock: 0, lastTick: null, rulesVersion, opened: 0, counts: {}, ids: { generation: 0, size: 0 } })];
}
