import { TocsinError } from '../../shared/errors.js';
import { JsonError, decodeText, parseText } from '../../shared/json.js';
import { identity } from '../../shared/identity.js';
import { normalise } from '../normalise.js';
import { Rejection } from '../rejection.js';
import { atMost, type Fields, fieldsOf, isFields, readDocument } from './document.js';
import type { Format, FormatRequest, Item } from './format.js';

const JSON_TYPE = /^(?:application|text)\/(?:[\w.-]+\+)?json$/;
const TEXT_TYPE = /^text\//;
/** Attributes that the specification defines; all others are extensions. */
const ATTRIBUTES = new Set(['specversion', 'id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema', 'data', 'data_base64']);
/** Extensions that describe the event rather than its subject. */
const TOCSIN_EXTENSIONS = new Set(['bkbizid', 'severity', 'priority']);

/**
 * CloudEvents 1.0 with JSON: structured, batch, or binary (attributes in headers `ce-…`, of Kafka records `ce_…`).
 * `source` and `id` identify a CloudEvent, so the event id is derived from them.
 */
export const cloudevents: Format = {
  read: (bytes, request) => {
    const type = mediaType(request.contentType);
    const binary = binaryEvent(bytes, type, request.headers ?? {});
    if (binary) return [readEvent(binary, 0, request)];
    return atMost(structuredEvents(bytes, type), request.most).map((event, index) => readEvent(event, index, request));
  },
};

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** Without a content type (a Kafka record) the document determines whether it is a batch. */
function structuredEvents(bytes: Buffer, type: string): unknown[] {
  const batch = type === 'application/cloudevents-batch+json';
  if (!batch && type !== 'application/cloudevents+json' && type !== '') throw unsupported(type);
  const document = readDocument(bytes);
  if (Array.isArray(document) && type !== 'application/cloudevents+json') return document as unknown[];
  if (batch) throw new TocsinError('T1016', 'batch must be an array');
  return [document];
}

function unsupported(type: string): TocsinError {
  const known =
    'application/cloudevents+json, application/cloudevents-batch+json, or any other type with the headers ce-specversion, ce-id, ce-source and ce-type';
  return new TocsinError('T1004', `content type ${type}; supported: ${known}`);
}

/** The event of binary mode: headers are its attributes, the body is its data. Undefined when the headers contain no event. */
function binaryEvent(bytes: Buffer, type: string, headers: Fields): Fields | Rejection | undefined {
  if (type.startsWith('application/cloudevents')) return undefined;
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (/^ce[-_][a-z0-9]+$/.test(name) && typeof value === 'string') attributes[name.slice(3)] = percentDecoded(value);
  }
  if (!('specversion' in attributes)) return undefined;
  const content = type || mediaType(typeof headers['content-type'] === 'string' ? headers['content-type'] : undefined);
  const read = readBody(bytes, content);
  return read instanceof Rejection ? read : { ...attributes, ...(content && { datacontenttype: content }), ...read };
}

/** Header values percent-encode everything that is not printable ASCII. */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Parses JSON, decodes text, and encodes anything else as base64. */
function readBody(bytes: Buffer, type: string): Fields | Rejection {
  if (bytes.length === 0) return {};
  if (!JSON_TYPE.test(type) && !TEXT_TYPE.test(type)) return { data_base64: bytes.toString('base64') };
  try {
    const text = decodeText(bytes);
    return { data: JSON_TYPE.test(type) ? parseText(text) : text };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return new Rejection(error.reason === 'utf8' ? 'T1002' : 'T1001', `data: ${error.message}`);
  }
}

function readEvent(event: unknown, index: number, request: FormatRequest): Item {
  const fields = fieldsOf(event, 'the CloudEvent');
  if (fields instanceof Rejection) return fields;
  const problem = attributesProblem(fields);
  if (problem) return problem;
  const { id, source, type, time, bkbizid, priority } = fields as Readonly<Record<string, string>>;
  const data = dataOf(fields);
  if (data instanceof Rejection) return data;
  const isMetric = isFields(data) && typeof data['metric'] === 'string' && typeof data['value'] === 'number';
  const given = {
    event_id: identity('cloudevent', source, id),
    event_type: isMetric ? 'metric' : 'event',
    bk_biz_id: bkbizid,
    event_source: source,
    timestamp: time,
    ...(priority === undefined ? {} : { priority: /^[1-5]$/.test(String(priority)) ? Number(priority) : priority }),
    raw_data: isMetric ? { ...data, dimensions: dimensionsOf(fields, data) } : eventFields(fields, type!, data),
  };
  return normalise(given, index, request);
}

function attributesProblem(fields: Fields): Rejection | undefined {
  if (fields['specversion'] !== '1.0') return new Rejection('T1016', `specversion ${JSON.stringify(fields['specversion'])}; supported: 1.0`);
  for (const name of ['id', 'source', 'type']) {
    if (typeof fields[name] !== 'string' || fields[name] === '') return new Rejection('T1016', `${name} must be a string`);
  }
  for (const name of ['subject', 'time']) {
    if (fields[name] !== undefined && fields[name] !== null && typeof fields[name] !== 'string')
      return new Rejection('T1016', `${name} must be a string`);
  }
  return undefined;
}

/** The data; base64 is decoded when the content type is text or JSON. */
function dataOf({ data, data_base64: coded, datacontenttype: type }: Fields): unknown {
  if (coded === undefined || coded === null) return data ?? undefined;
  if (typeof coded !== 'string') return new Rejection('T1016', 'data_base64 must be a string');
  const read = readBody(Buffer.from(coded, 'base64'), mediaType(typeof type === 'string' ? type : undefined));
  if (read instanceof Rejection) return read;
  const decoded = fieldsOf(read, 'data');
  return decoded instanceof Rejection ? decoded : (decoded['data'] ?? undefined);
}

function eventFields(fields: Fields, type: string, data: unknown): Fields {
  const object = isFields(data) ? data : {};
  const message = typeof data === 'string' ? data : (object['message'] ?? object['content']);
  const content = typeof message === 'string' ? message : data === undefined ? undefined : JSON.stringify(data);
  const level = fields['severity'] ?? scalar(object['severity']) ?? scalar(object['level']);
  const kept = isFields(data) || Array.isArray(data) ? { data } : {};
  return { ...kept, event_name: type, content, level, dimensions: dimensionsOf(fields, object) };
}

/** Subject, extensions, and the dimensions in the data, which take precedence. */
function dimensionsOf(fields: Fields, data: Fields): unknown {
  const given = data['dimensions'] ?? {};
  if (!isFields(given)) return given;
  const dimensions: Record<string, unknown> = {};
  if (typeof fields['subject'] === 'string' && fields['subject'] !== '') dimensions['subject'] = fields['subject'];
  for (const name in fields) {
    if (!ATTRIBUTES.has(name) && !TOCSIN_EXTENSIONS.has(name) && scalar(fields[name]) !== undefined) dimensions[name] = fields[name];
  }
  return { ...dimensions, ...given };
}

function scalar(value: unknown): string | number | boolean | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}
