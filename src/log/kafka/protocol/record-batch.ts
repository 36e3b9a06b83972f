import { crc32c } from './crc32c.js';

/** A record with the UTF-8 lengths of its key and value (−1 for null), computed once. */
export interface EncodableRecord {
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly keyBytes: number;
  readonly valueBytes: number;
}

/** Identifies a batch to the broker, which uses it to drop duplicates. */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

/** The encoded and compressed records of one batch, with the header fields derived from them. */
export interface EncodedRecords {
  readonly bytes: Buffer;
  readonly count: number;
  /** Codec number in the Kafka protocol. */
  readonly codec: number;
  /** Timestamp of every record of the batch (epoch ms). */
  readonly timestamp: number;
}

const BATCH_HEADER_BYTES = 61;

const varintLength = (value: number): number => {
  const zigzag = (value << 1) ^ (value >> 31);
  return zigzag >>> 7 === 0 ? 1 : zigzag >>> 14 === 0 ? 2 : zigzag >>> 21 === 0 ? 3 : zigzag >>> 28 === 0 ? 4 : 5;
};

function writeVarint(target: Buffer, value: number, start: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = start;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

const fieldLength = (bytes: number): number => varintLength(bytes) + Math.max(0, bytes);

function headersLength(headers: EncodableRecord['headers']): number {
  if (!headers) return 1;
  const names = Object.keys(headers);
  return names.reduce(
    (sum, name) => sum + fieldLength(Buffer.byteLength(name)) + fieldLength(Buffer.byteLength(headers[name]!)),
    varintLength(names.length),
  );
}

/** Length of a record without its length field, at offset `delta` in its batch. */
function bodyLength({ keyBytes, valueBytes, headers }: EncodableRecord, delta: number): number {
  return 2 + varintLength(delta) + fieldLength(keyBytes) + fieldLength(valueBytes) + headersLength(headers);
}

/** Upper bound of the uncompressed size of a record in a batch. */
export function recordSizeUpperBound(record: EncodableRecord): number {
  const body = bodyLength(record, 1_000_000);
  return varintLength(body) + body;
}

function writeField(target: Buffer, value: string | Buffer | null, bytes: number, start: number): number {
  const at = writeVarint(target, bytes, start);
  if (value === null) return at;
  if (typeof value === 'string') target.write(value, at, bytes, 'utf8');
  else value.copy(target, at);
  return at + bytes;
}

function writeRecord(target: Buffer, record: EncodableRecord, delta: number, start: number): number {
  let at = writeVarint(target, bodyLength(record, delta), start);
  // Attributes, then the timestamp delta to the batch.
  target[at++] = 0;
  target[at++] = 0;
  at = writeVarint(target, delta, at);
  at = writeField(target, record.key, record.keyBytes, at);
  at = writeField(target, record.value, record.valueBytes, at);
  if (!record.headers) {
    target[at++] = 0;
    return at;
  }
  const headers = Object.entries(record.headers);
  at = writeVarint(target, headers.length, at);
  for (const [name, value] of headers) {
    at = writeField(target, name, Buffer.byteLength(name), at);
    at = writeField(target, value, Buffer.byteLength(value), at);
  }
  return at;
}

/** Encodes records one after another, uncompressed. */
export function encodeRecords(records: readonly EncodableRecord[]): Buffer {
  const lengths = records.reduce((sum, record, delta) => {
    const body = bodyLength(record, delta);
    return sum + varintLength(body) + body;
  }, 0);
  const target = Buffer.allocUnsafe(lengths);
  records.reduce((at, record, delta) => writeRecord(target, record, delta, at), 0);
  return target;
}

/** Encodes a record batch (magic 2): https://kafka.apache.org/documentation/#recordbatch */
export function encodeRecordBatch({ bytes, count, codec, timestamp }: EncodedRecords, { producerId, epoch, sequence }: BatchIdentity): Buffer {
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + bytes.length);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(BATCH_HEADER_BYTES - 12 + bytes.length, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(codec, 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27);
  batch.writeBigInt64BE(BigInt(timestamp), 35);
  batch.writeBigInt64BE(producerId, 43);
  batch.writeInt16BE(epoch, 51);
  batch.writeInt32BE(sequence, 53);
  batch.writeInt32BE(count, 57);
  bytes.copy(batch, BATCH_HEADER_BYTES);
  batch.writeUInt32BE(crc32c(batch, 21), 17);
  return batch;
}
