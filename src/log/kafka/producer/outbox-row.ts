import type { OutgoingRecord } from '../../event-log.js';

export type StagedRecord = OutgoingRecord & { readonly topic: string };

/** What a record says beside its value; `bytes` is the length of the value, −1 for none. */
interface FrameHeader {
  readonly topic: string;
  readonly key: string | null;
  /** The key is bytes, as base64. */
  readonly keyBytes?: true;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/** A row holds at most so many bytes of values, unless a single record is larger. */
const MAX_ROW_BYTES = 1024 * 1024;

/**
 * Packs records, in order, into as few rows as possible: one outbox row each instead of one for every record, which is half of what a state change costs.
 * A record is the length of its frameHeader (uint32, big endian), the frameHeader as JSON, and the bytes of its value.
 */
export function encodeOutboxRows(records: readonly StagedRecord[]): Buffer[] {
  const rows: Buffer[] = [];
  let parts: Buffer[] = [];
  let size = 0;
  for (const { topic, key, partition, headers, value } of records) {
    const payload = typeof value === 'string' ? Buffer.from(value) : value;
    const frameHeader: FrameHeader = {
      topic,
      ...encodeKey(key),
      ...(partition !== undefined && { partition }),
      ...(headers && { headers }),
      bytes: payload?.length ?? -1,
    };
    if (size > 0 && size + frameHeader.bytes > MAX_ROW_BYTES) {
      rows.push(Buffer.concat(parts));
      parts = [];
      size = 0;
    }
    const head = Buffer.from(JSON.stringify(frameHeader));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    parts.push(length, head, ...(payload ? [payload] : []));
    size += 4 + head.length + Math.max(0, frameHeader.bytes);
  }
  if (parts.length > 0) rows.push(Buffer.concat(parts));
  return rows;
}

/** The records of a row, in order. Throws when the row is cut off or not one. */
export function decodeOutboxRow(row: Buffer): StagedRecord[] {
  const records: StagedRecord[] = [];
  for (let at = 0; at < row.length;) {
    const headEnd = at + 4 + row.readUInt32BE(at);
    const { bytes, key, keyBytes, ...frameHeader } = JSON.parse(row.toString('utf8', at + 4, headEnd)) as FrameHeader;
    at = headEnd + Math.max(0, bytes);
    if (at > row.length) throw new Error('truncated outbox row');
    records.push({
      ...frameHeader,
      key: keyBytes && key !== null ? Buffer.from(key, 'base64') : key,
      value: bytes < 0 ? null : row.subarray(headEnd, at),
    });
  }
  return records;
}

function encodeKey(key: StagedRecord['key']): Pick<FrameHeader, 'key' | 'keyBytes'> {
  return Buffer.isBuffer(key) ? { key: key.toString('base64'), keyBytes: true } : { key };
}
