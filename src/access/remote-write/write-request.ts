import { isUtf8 } from 'node:buffer';
import protobuf from 'protobufjs/minimal.js';

/** A series of a remote write request, with its samples. */
export interface RemoteWriteSeries {
  /** Name and value of each label, including `__name__`, as sent; only the first ones when there are too many. */
  readonly labels: readonly (readonly [string, string])[];
  /** The bytes of the labels: the identity of the series. */
  readonly identity: Buffer;
  readonly samples: readonly Sample[];
  /** Native histograms, which have no single value. */
  readonly histograms: number;
}

export interface Sample {
  readonly value: number;
  /** Staleness marker: the series has ended (a special NaN), as opposed to a measurement that failed. */
  readonly stale: boolean;
  /** Epoch ms. */
  readonly timestamp: number;
}

/** Labels after which a series is not read any further; the validation rejects it anyway. */
const MAX_SERIES_LABELS = 1000;

/** Wire types of protobuf. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/**
 * Decodes `prometheus.WriteRequest` (remote write 1.0): timeseries = 1 { labels = 1 { name = 1, value = 2 }, samples = 2 { value = 1, timestamp = 2 },
 * exemplars = 3, histograms = 4 }; all other fields are skipped. Undefined when the bytes are not such a message.
 * Reading stops soon after more than `most` samples or series.
 */
export function decodeWriteRequest(bytes: Buffer, most: number): { series: RemoteWriteSeries[]; samples: number } | undefined {
  const reader = protobuf.Reader.create(bytes);
  const series: RemoteWriteSeries[] = [];
  let samples = 0;
  try {
    while (reader.pos < reader.len && samples <= most && series.length <= most) {
      const tag = reader.uint32();
      if (tag >>> 3 !== 1) skip(reader, tag);
      else {
        const each = readSeries(reader, bytes, endOf(reader, tag, reader.len), most);
        samples += each.samples.length;
        series.push(each);
      }
    }
  } catch {
    return undefined;
  }
  return { series, samples };
}

function readSeries(reader: protobuf.Reader, bytes: Buffer, end: number, most: number): RemoteWriteSeries {
  const labels: [string, string][] = [];
  const samples: Sample[] = [];
  let histograms = 0;
  const from = reader.pos;
  let to = from;
  while (reader.pos < end && samples.length <= most) {
    const tag = reader.uint32();
    const field = tag >>> 3;
    if (field === 1 && labels.length < MAX_SERIES_LABELS) {
      labels.push(readLabel(reader, bytes, endOf(reader, tag, end)));
      to = reader.pos;
    } else if (field === 2) {
      samples.push(readSample(reader, bytes, endOf(reader, tag, end)));
    } else {
      if (field === 4) histograms++;
      skip(reader, tag);
    }
  }
  if (samples.length > most) reader.pos = end;
  expectEnd(reader, end);
  return { labels, identity: bytes.subarray(from, to), samples, histograms };
}

/** The reader returns 64-bit integers as two halves; a timestamp fits a number. */
function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  const { low, high } = value as { low: number; high: number };
  return high * 2 ** 32 + (low >>> 0);
}

function readLabel(reader: protobuf.Reader, bytes: Buffer, end: number): [string, string] {
  let name = '';
  let value = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) name = readText(reader, bytes, tag, end);
    else if (tag >>> 3 === 2) value = readText(reader, bytes, tag, end);
    else skip(reader, tag);
  }
  expectEnd(reader, end);
  return [name, value];
}

function readSample(reader: protobuf.Reader, bytes: Buffer, end: number): Sample {
  let value = 0;
  let stale = false;
  let timestamp = 0;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === ((1 << 3) | FIXED64)) {
      value = reader.double();
      stale = Number.isNaN(value) && isStale(bytes, reader.pos - 8);
    } else if (tag === ((2 << 3) | VARINT)) timestamp = toNumber(reader.int64());
    else skip(reader, tag);
  }
  expectEnd(reader, end);
  return { value, stale, timestamp };
}

/** Prometheus marks the end of a series with the NaN 0x7ff0000000000002. */
function isStale(bytes: Buffer, at: number): boolean {
  return bytes.readUInt32LE(at + 4) === 0x7ff00000 && bytes.readUInt32LE(at) === 2;
}

/** Invalid UTF-8 could merge two series into one, so it is rejected. */
function readText(reader: protobuf.Reader, bytes: Buffer, tag: number, end: number): string {
  const stop = endOf(reader, tag, end);
  const text = bytes.toString('utf8', reader.pos, stop);
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(reader.pos, stop))) throw new RangeError('string is not valid UTF-8');
  reader.pos = stop;
  return text;
}

/** End of the length-delimited field whose tag was just read; it must lie inside its parent. */
function endOf(reader: protobuf.Reader, tag: number, parentEnd: number): number {
  if ((tag & 7) !== BYTES) throw new RangeError('wrong wire type');
  const length = reader.uint32();
  if (length > parentEnd - reader.pos) throw new RangeError('field exceeds its message');
  return reader.pos + length;
}

function skip(reader: protobuf.Reader, tag: number): void {
  if (tag >>> 3 === 0) throw new RangeError('field number 0');
  reader.skipType(tag & 7);
}

function expectEnd(reader: protobuf.Reader, end: number): void {
  if (reader.pos !== end) throw new RangeError('field exceeds its message');
}
