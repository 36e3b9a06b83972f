import { TocsinError } from '../../shared/errors.js';
import { normalise } from '../normalise.js';
import { Rejection } from '../rejection.js';
import { atMost, type Fields, fieldsOf, isFields, readDocument } from './document.js';
import type { Format, FormatRequest, Item } from './format.js';

/** The parts of a custom report: sender and unparsed items. */
export interface Report {
  readonly dataId: number;
  readonly token: string;
  readonly items: unknown[];
}

/** Parses a BlueKing custom report, `{"data_id", "access_token", "data": [...]}`. Throws {@link TocsinError} T1001, T1002 and T1101. */
export function readReport(bytes: Buffer): Report {
  if (bytes.length === 0) throw new TocsinError('T1001', 'request body is empty');
  const document = readDocument(bytes);
  if (!isFields(document)) throw new TocsinError('T1101', 'report must be an object');
  const { data_id: id, access_token: token, data } = document;
  const dataId = typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : id;
  if (!Number.isSafeInteger(dataId)) throw new TocsinError('T1101', 'data_id must be an integer');
  if (token !== undefined && typeof token !== 'string') throw new TocsinError('T1101', 'access_token must be a string');
  return { dataId: dataId as number, token: token ?? '', items: itemsOf(data) };
}

function itemsOf(data: unknown): unknown[] {
  if (!Array.isArray(data)) throw new TocsinError('T1101', 'data must be an array');
  if (data.length === 0) throw new TocsinError('T1101', 'data must not be empty');
  return data as unknown[];
}

/**
 * BlueKing custom reports, time series and events. Each metric of an item becomes one event; `target` is among the dimensions, as in the tables
 * of bk-monitor. A Kafka source may also carry the items alone, one object or an array.
 */
export const bkMonitor: Format = {
  read: (bytes, request) => {
    const document = readDocument(bytes);
    const items =
      isFields(document) && 'data' in document ? itemsOf(document['data']) : Array.isArray(document) ? (document as unknown[]) : [document];
    return readReportItems(items, request);
  },
};

/** The events of the items of a report. Throws {@link TocsinError} T1010 when there are more metrics and events than a request may carry. */
export function readReportItems(items: readonly unknown[], request: FormatRequest): Item[] {
  const read: Item[] = [];
  for (let index = 0; index < items.length; index++) {
    readItem(items[index], index, request, read);
    atMost(read, request.most);
  }
  return read;
}

function readItem(item: unknown, index: number, request: FormatRequest, into: Item[]): void {
  const what = `data[${index}]`;
  const fields = fieldsOf(item, what);
  if (fields instanceof Rejection) into.push(fields);
  else if ('metrics' in fields) readMetrics(fields, index, request, into);
  else if ('event_name' in fields) into.push(readReportedEvent(fields, index, request));
  else into.push(new Rejection('T1101', `${what} must have metrics or event_name`));
}

function readMetrics(fields: Fields, index: number, request: FormatRequest, into: Item[]): void {
  const { metrics } = fields;
  const what = `data[${index}].metrics`;
  if (!isFields(metrics)) into.push(new Rejection('T1101', `${what} must be an object`));
  else if (Object.keys(metrics).length === 0) into.push(new Rejection('T1101', `${what} must not be empty`));
  else {
    let place = 0;
    for (const [metric, value] of Object.entries(metrics)) {
      into.push(event(fields, `${index}-${place++}`, request, { event_type: 'metric' }, { metric, value }));
    }
  }
}

function readReportedEvent(fields: Fields, index: number, request: FormatRequest): Item {
  const reported = fields['event'] ?? {};
  if (!isFields(reported)) return new Rejection('T1101', `data[${index}].event must be an object`);
  const { content, ...rest } = reported;
  const text = content === undefined || content === null || typeof content === 'string' ? content : JSON.stringify(content);
  return event(fields, String(index), request, { event_type: 'event' }, { ...rest, event_name: fields['event_name'], content: text ?? undefined });
}

/** The event of an item, with the fields that all items have: time, source and dimensions. */
function event(fields: Fields, place: string, request: FormatRequest, kind: { event_type: string }, raw: Fields): Item {
  const { dimension, target, timestamp } = fields;
  if (dimension !== undefined && dimension !== null && !isFields(dimension))
    return new Rejection('T1101', `data[${place}].dimension must be an object`);
  // An agent without a clock reports 0.
  const time = timestamp === 0 ? undefined : timestamp;
  const source = request.source ?? 'bk-monitor';
  const given = { ...kind, event_source: source, timestamp: time, raw_data: { ...raw, dimensions: dimensionsOf(dimension ?? {}, target) } };
  const read = normalise(given, place, request);
  return read instanceof Rejection ? new Rejection(read.code, `data[${place}]: ${read.message}`) : read;
}

/** The dimensions that have a value, including the target. */
function dimensionsOf(dimension: Fields, target: unknown): Fields {
  const dimensions: Record<string, unknown> = {};
  for (const name in dimension) if (dimension[name] !== null) dimensions[name] = dimension[name];
  if (target !== undefined && target !== null && target !== '') dimensions['target'] = target;
  return dimensions;
}
