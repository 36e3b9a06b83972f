import { TocsinError } from '../../shared/errors.js';
import { normalise } from '../normalise.js';
import { Rejection } from '../rejection.js';
import { decimalOf } from './decimal.js';
import { atMost, fieldsOf, isFields, readDocuments } from './document.js';
import type { Format, FormatRequest, Item } from './format.js';
import type { Mapping, ValueSource } from './mapping.js';
import { valueAt, valuesAt, parsePath, type Path } from './path.js';

type Scalar = string | number | boolean;
/** Reads a field's value from one item; undefined when the item has none, a rejection when it is invalid. */
type ValueReader = (document: unknown, item: unknown) => Scalar | undefined | Rejection;
type Field =
  'event_type' | 'event_id' | 'event_source' | 'bk_biz_id' | 'priority' | 'timestamp' | 'metric' | 'value' | 'event_name' | 'content' | 'level';

/** A mapping with its paths parsed. */
interface Compiled {
  readonly items: Path | undefined;
  readonly fields: readonly (readonly [Field, ValueReader])[];
  readonly all: Path | undefined;
  readonly but: ReadonlySet<string>;
  readonly dimensions: readonly (readonly [string, ValueReader])[];
}

const FIELDS: readonly Field[] = [
  'event_type',
  'event_id',
  'event_source',
  'bk_biz_id',
  'priority',
  'timestamp',
  'metric',
  'value',
  'event_name',
  'content',
  'level',
];
/** Mapped fields that every item must have, unless the path has a default. */
const REQUIRED: ReadonlySet<string> = new Set<Field>(['metric', 'value', 'event_name']);
const MS_PER: Readonly<Record<string, number>> = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 };

/** Any JSON, by the mapping that its source declares. */
export const mapping: Format = {
  read: (bytes, request) => {
    if (!request.mapping) throw new TocsinError('T1017', 'the source has no mapping');
    const compiled = compile(request.mapping);
    const items = readDocuments(bytes, request.contentType, request.most).flatMap((document) => itemsOf(document, compiled, request.most));
    return atMost(items, request.most).map(([document, item], index) => readItem(document, item, index, compiled, request));
  },
};

const known = new WeakMap<Mapping, Compiled>();

function compile(mapping: Mapping): Compiled {
  const found = known.get(mapping);
  if (found) return found;
  const { dimensions = {} } = mapping;
  const compiled: Compiled = {
    items: mapping.items === undefined ? undefined : pathOf(mapping.items),
    fields: FIELDS.flatMap((field) => (mapping[field] === undefined ? [] : [[field, valueReader(field, mapping[field])] as const])),
    all: dimensions.all === undefined ? undefined : pathOf(dimensions.all),
    but: new Set(dimensions.but),
    dimensions: [
      ...Object.entries(dimensions.pick ?? {}).map(([name, pick]) => [name, valueReader(`dimensions.${name}`, pick)] as const),
      ...Object.entries(dimensions.fixed ?? {}).map(([name, value]) => [name, () => value] as const),
    ],
  };
  known.set(mapping, compiled);
  return compiled;
}

function pathOf(text: string): Path {
  const path = parsePath(text, { all: true });
  if (typeof path === 'string') throw new TocsinError('T1017', `${text}: ${path}`);
  return path;
}

function valueReader(field: string, pick: ValueSource): ValueReader {
  if (typeof pick === 'object' && 'constant' in pick) return () => pick.constant;
  const { path: text, default: byDefault } = typeof pick === 'string' ? { path: pick, default: undefined } : pick;
  const path = pathOf(text);
  return (document, item) => {
    const value = valueAt(path, document, item) ?? byDefault;
    if (value === undefined) return REQUIRED.has(field) ? new Rejection('T1018', `${field}: no value at ${text}`) : undefined;
    if (typeof value === 'object') return new Rejection('T1018', `${field}: value at ${text} is an object or array`);
    return value as Scalar;
  };
}

function itemsOf(document: unknown, { items }: Compiled, most: number): [document: unknown, item: unknown][] {
  if (document instanceof Rejection) return [[document, document]];
  if (!items) return (Array.isArray(document) ? (document as unknown[]) : [document]).map((item) => [document, item]);
  const found = valuesAt(items, document, most);
  if (items.text.includes('[*]')) return found.map((item) => [document, item]);
  const [only = new Rejection('T1018', `items: no value at ${items.text}`)] = found;
  return (Array.isArray(only) ? (only as unknown[]) : [only]).map((item) => [document, item]);
}

function readItem(document: unknown, item: unknown, index: number, compiled: Compiled, request: FormatRequest): Item {
  const problem = itemProblem(item);
  if (problem) return problem;
  const read: Partial<Record<Field, Scalar>> = {};
  for (const [field, take] of compiled.fields) {
    const value = take(document, item);
    if (value instanceof Rejection) return value;
    if (value !== undefined) read[field] = value;
  }
  const dimensions = readDimensions(document, item, compiled);
  return dimensions instanceof Rejection ? dimensions : normalise(eventOf(read, dimensions, request), index, request);
}

/** An item may also be an array; its elements are at `[0]`, `[1]` and so on. */
function itemProblem(item: unknown): Rejection | undefined {
  const fields = fieldsOf(Array.isArray(item) ? { item: item as unknown[] } : item, 'item');
  return fields instanceof Rejection ? fields : undefined;
}

function readDimensions(document: unknown, item: unknown, { all, but, dimensions }: Compiled): Record<string, unknown> | Rejection {
  const read: Record<string, unknown> = {};
  const object = all && valueAt(all, document, item);
  if (isFields(object)) {
    for (const name in object) if (!but.has(name) && object[name] !== null && typeof object[name] !== 'object') read[name] = object[name];
  }
  for (const [name, take] of dimensions) {
    const value = take(document, item);
    if (value instanceof Rejection) return value;
    if (value !== undefined) read[name] = value;
  }
  return read;
}

/** The values as an event in the `tocsin` format, not validated yet. */
function eventOf(read: Partial<Record<Field, Scalar>>, dimensions: Record<string, unknown>, request: FormatRequest): object {
  const { metric, value, event_name, content, level, timestamp, event_type, priority, ...rest } = read;
  const type = event_type ?? (metric !== undefined ? 'metric' : event_name !== undefined ? 'event' : 'log');
  const text = content === undefined ? {} : { content: String(content) };
  const raw = type === 'metric' ? { metric, value: numberOf(value) } : { ...(type === 'event' && { event_name }), ...text, level };
  return {
    event_source: request.source,
    ...rest,
    event_type: type,
    ...(priority !== undefined && { priority }),
    timestamp: inMilliseconds(timestamp, request.mapping?.timestamp_unit ?? 'auto'),
    raw_data: { ...raw, dimensions },
  };
}

/** Numbers may be written as text. */
function numberOf(value: Scalar | undefined): unknown {
  return typeof value === 'string' ? (decimalOf(value.trim()) ?? value) : value;
}

function inMilliseconds(timestamp: Scalar | undefined, unit: string): unknown {
  const per = MS_PER[unit];
  const value = numberOf(timestamp);
  if (per === undefined || typeof value !== 'number') return timestamp;
  return Math.floor(value * per);
}
