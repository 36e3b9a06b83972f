import { crc32 } from 'node:zlib';
import { TocsinError } from '../shared/errors.js';
import type { CheckpointBlock } from './checkpoint.repository.js';

/** Format (1 byte) and checksum (4). */
const HEADER = 5;

/**
 * Format of the blocks of one kind. The number increases with every change of the payload's meaning; a line in `readers` keeps an older
 * format readable, and a block of any other format is rejected.
 */
export interface BlockFormat<Content> {
  /** The first part of the names of these blocks. */
  readonly kind: string;
  /** The format in which blocks are written. */
  readonly format: number;
  /** By format. */
  readonly readers: Readonly<Record<number, (payload: Buffer) => Content>>;
}

/** A format whose payload is the JSON of its content. */
export function jsonFormat<Content>(kind: string, format: number, older: BlockFormat<Content>['readers'] = {}): BlockFormat<Content> {
  return { kind, format, readers: { ...older, [format]: (payload) => JSON.parse(payload.toString()) as Content } };
}

/** Packs bytes as a block of this kind; `place` completes its name. */
export function sealBlock({ kind, format }: BlockFormat<unknown>, place: string, payload: readonly Uint8Array[]): CheckpointBlock {
  const id = blockId(kind, place);
  const bytes = Buffer.concat([Buffer.alloc(HEADER), ...payload]);
  bytes[0] = format;
  bytes.writeUInt32LE(checksum(id, bytes.subarray(HEADER)), 1);
  return { id, bytes };
}

export function sealJson<Content>(format: BlockFormat<Content>, place: string, content: Content): CheckpointBlock {
  return sealBlock(format, place, [Buffer.from(JSON.stringify(content))]);
}

/** The content of a block. Throws an Error that names the block when it is damaged, {@link TocsinError} T6301 when its format is unknown. */
export function openBlock<Content>({ format, readers }: BlockFormat<Content>, { id, bytes }: CheckpointBlock): Content {
  if (bytes.length < HEADER) throw new Error(`checkpoint block ${id} is truncated`);
  const payload = bytes.subarray(HEADER);
  const reader = Object.hasOwn(readers, bytes[0]!) ? readers[bytes[0]!] : undefined;
  if (!reader) throw unreadable(`block ${id} has format ${bytes[0]}, this version reads ${Object.keys(readers).join(', ')} and writes ${format}`);
  // The checksum covers the name, so that a block stored under another name is detected.
  if (bytes.readUInt32LE(1) !== checksum(id, payload)) throw new Error(`checkpoint block ${id} is damaged: its checksum differs`);
  return reader(payload);
}

/** The error for a checkpoint that another version wrote, with the remedies. */
export function unreadable(problem: string): TocsinError {
  return new TocsinError(
    'T6301',
    `${problem}; go back to the version that wrote the checkpoint, or discard the state and rebuild it from the log: stop the group detect and reset ` +
      'it to a time before the oldest open alert (tocsin offsets reset --group detect --topic raw_events --to timestamp:...)',
  );
}

export const blockId = (kind: string, place: string): string => (place === '' ? kind : `${kind}/${place}`);

/** The kind of a block, which is the first part of its name. */
export const kindOf = ({ id }: Pick<CheckpointBlock, 'id'>): string => id.split('/', 1)[0]!;

/** The rest of its name. */
export const blockPlace = ({ id }: Pick<CheckpointBlock, 'id'>): string => id.slice(kindOf({ id }).length + 1);

const checksum = (id: string, payload: Uint8Array): number => crc32(payload, crc32(id));
