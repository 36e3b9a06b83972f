import type { OutgoingRecord } from '../../event-log.js';

export type Staged = OutgoingRecord & { readonly topic: string };

/** What a record says beside its value; `bytes` is the length of the value, −1 for none. */
interface Label {
  readonly topic: string;
  readonly key: string | null;
  /** The key is bytes, as base64. */
  readonly keyBytes?: true;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes: number;
}

/** A parcel holds at most so many bytes of values, unless a single record is larger. */
const MOST_BYTES = 1024 * 1024;

/**
 * Packs records, in order, into as few parcels as possible: one outbox row each instead of one for every record, which is half of what a state change costs.
 * A record is the length of its label (uint32, big endian), the label as JSON, and the bytes of its value.
 */
export function pack(records: readonly Staged[]): Buffer[] {
  const parcels: Buffer[] = [];
  let parts: Buffer[] = [];
  let size = 0;
  for (const { topic, key, partition, headers, value } of records) {
    const payload = typeof value === 'string' ? Buffer.from(value) : value;
    const label: Label = {
      topic,
      ...keyText(key),
      ...(partition !== undefined && { partition }),
      ...(headers && { headers }),
      bytes: payload?.length ?? -1,
    };
    if (size > 0 && size + label.bytes > MOST_BYTES) {
      parcels.push(Buffer.concat(parts));
      parts = [];
      size = 0;
    }
    const head = Buffer.from(JSON.stringify(label));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    parts.push(length, head, ...(payload ? [payload] : []));
    size += 4 + head.length + Math.max(0, label.bytes);
  }
  if (parts.length > 0) parcels.push(Buffer.concat(parts));
  return parcels;
}

/** The records of a parcel, in order. Throws when the parcel is cut off or not one. */
export function unpack(parcel: Buffer): Staged[] {
  const records: Staged[] = [];
  for (let at = 0; at < parcel.length;) {
    const headEnd = at + 4 + parcel.readUInt32BE(at);
    const { bytes, key, keyBytes, ...label } = JSON.parse(parcel.toString('utf8', at + 4, headEnd)) as Label;
    at = headEnd + Math.max(0, bytes);
    if (at > parcel.length) throw new Error('truncated outbox row');
    records.push({
      ...label,
      key: keyBytes && key !== null ? Buffer.from(key, 'base64') : key,
      value: bytes < 0 ? null : parcel.subarray(headEnd, at),
    });
  }
  return records;
}

function keyText(key: Staged['key']): Pick<Label, 'key' | 'keyBytes'> {
  return Buffer.isBuffer(key) ? { key: key.toString('base64'), keyBytes: true } : { key };
}
