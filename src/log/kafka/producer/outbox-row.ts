import type { OutgoingRecord } from '../../event-log.js';

export type StagedRecord = OutgoingRecord & { readonly topic: string };

/** Everything of a record except its value; `bytes` is the length of the value, −1 for null. */
interface FrameHeader {
  readonly topic: string;
  readonly key: string | null;
  /** True when the key is binary, encoded as base64. */
  readonly keyBytes?: true;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/** Maximum size of the values in one row, unless a single record is larger. */
const MAX_ROW_BYTES = 1024 * 1024;

/**
 * Encodes records, in order, into as few outbox rows as possible: one row per record would be half of the cost of a state change.
 * A record is the length of its header (uint32, big endian), the header as JSON, and the bytes of the value.
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

/** Decodes the records of a row, in order. Throws when the row is truncated or malformed. */
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
