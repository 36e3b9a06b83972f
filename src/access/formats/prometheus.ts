import { canonical, identity } from '../../shared/identity.js';
import { labelProblem, type EventLabels } from '../labels.js';
import { normalise } from '../normalise.js';
import { Skipped, Rejection } from '../rejection.js';
import { PROMETHEUS } from '../remote-write/remote-write.js';
import { decimalOf } from './decimal.js';
import { atMost, fieldsOf, isFields, readDocuments } from './document.js';
import type { Format, FormatRequest, Item } from './format.js';

/**
 * Samples in the format of prometheus-kafka-adapter, `{"timestamp", "value", "name", "labels"}`: one, an array, or one on each line.
 * The id of an event is derived from business, series and time, so that samples from a pair of Prometheus servers are deduplicated.
 */
export const prometheus: Format = {
  read: (bytes, request) => {
    const documents = readDocuments(bytes, request.contentType, request.most);
    const samples = documents.flatMap((document) => (Array.isArray(document) ? (document as unknown[]) : [document]));
    return atMost(samples, request.most).map((sample, index) => readSample(sample, index, request));
  },
};

function readSample(sample: unknown, index: number, request: FormatRequest): Item {
  const fields = fieldsOf(sample, 'sample');
  if (fields instanceof Rejection) return fields;
  const { timestamp, value: written, name } = fields;
  const value = typeof written === 'string' ? numberOf(written) : written;
  if (typeof value !== 'number') return new Rejection('T1101', 'value must be a number');
  if (!Number.isFinite(value)) return new Skipped(Number.isNaN(value) ? 'nan' : 'infinite');
  const labels = readSampleLabels(fields['labels']);
  if (labels instanceof Rejection) return labels;
  const { __name__: named, ...dimensions } = labels;
  const metric = typeof name === 'string' && name !== '' ? name : named;
  if (metric === undefined) return new Rejection('T1101', 'sample has no name');
  const given = { event_type: 'metric', event_source: PROMETHEUS, timestamp, raw_data: { metric, value, dimensions } };
  const read = normalise(given, index, request);
  if (read instanceof Rejection || timestamp === undefined || timestamp === null) return read;
  const id = identity(read.event.bk_biz_id, metric, canonical(dimensions));
  return { ...read, event: { ...read.event, event_id: `${id}-${read.event.timestamp}` } };
}

/** Parses a number in Go's format, including NaN and infinities; undefined for other text. */
function numberOf(text: string): number | undefined {
  const special = /^([+-]?)Inf(?:inity)?$/i.exec(text);
  if (special) return special[1] === '-' ? -Infinity : Infinity;
  if (/^NaN$/i.test(text)) return NaN;
  return decimalOf(text);
}

/** Labels are text; a label without a value equals an absent one. */
function readSampleLabels(labels: unknown): EventLabels | Rejection {
  if (labels === undefined || labels === null) return {};
  if (!isFields(labels)) return new Rejection('T1101', 'labels must be an object');
  const read: EventLabels = {};
  let count = 0;
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value !== 'string') return new Rejection('T1101', `labels.${name} must be a string`);
    const problem = labelProblem(name, value, ++count, 'labels');
    if (problem) return problem;
    if (value !== '') read[name] = value;
  }
  return read;
}
