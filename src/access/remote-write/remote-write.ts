import { hash } from 'node:crypto';
import type { MetricEvent } from '../../topics.js';
import { MAX_VALUE_BYTES, labelProblem, longerThan, type EventLabels } from '../labels.js';
import { type SkipReason, Rejection } from '../rejection.js';
import { eventTimestamp } from '../time.js';
import type { Sample, RemoteWriteSeries } from './write-request.js';

/** Result of a remote write request. */
export interface RemoteWriteResult {
  readonly events: MetricEvent[];
  readonly dropped: Record<SkipReason, number>;
  /** Reasons for rejection, one for each series or sample, with the number of samples affected. */
  readonly rejections: { readonly rejection: Rejection; readonly samples: number }[];
  /** Samples with a timestamp in the future, which was set to now. */
  clamped: number;
}

/** The source of all samples from remote write. */
export const PROMETHEUS = 'prometheus';

/** Returns why the headers are not those of remote write 1.0 (the sender then falls back to it or drops the samples), or undefined. */
export function headerProblem(contentType = '', contentEncoding = '', version = ''): string | undefined {
  if (!/^(?:|application\/x-protobuf)$/i.test(contentType.split(';', 1)[0]!.trim()))
    return `content type ${contentType}; must be application/x-protobuf`;
  if (/proto=(?!"?prometheus\.WriteRequest)/i.test(contentType) || /^2\./.test(version))
    return 'only remote write 1.0 (prometheus.WriteRequest) is supported';
  return contentEncoding.trim().toLowerCase() === 'snappy' ? undefined : `content encoding ${contentEncoding || 'missing'}; must be snappy`;
}

/**
 * Converts the samples of a remote write request to metric events: the name is the metric, the other labels are the dimensions. The event id is
 * derived from business, series and timestamp, so that a retried sample, or one from both of a pair of Prometheus servers, has one id.
 */
export function remoteWriteEvents(series: readonly RemoteWriteSeries[], business: string, now: number): RemoteWriteResult {
  const result: RemoteWriteResult = { events: [], dropped: { stale: 0, nan: 0, infinite: 0, histogram: 0 }, rejections: [], clamped: 0 };
  for (const each of series) {
    result.dropped.histogram += each.histograms;
    if (each.samples.length > 0) addSeries(result, each, business, now);
  }
  return result;
}

function addSeries(result: RemoteWriteResult, series: RemoteWriteSeries, business: string, now: number): void {
  const named = readLabels(series.labels);
  if (named instanceof Rejection) {
    result.rejections.push({ rejection: named, samples: series.samples.length });
    return;
  }
  const id = hash('sha256', `${business}\n${series.identity.toString('latin1')}`, 'hex').slice(0, 32);
  for (const sample of series.samples) {
    const reason = unusable(sample);
    if (reason) result.dropped[reason]++;
    else addSample(result, sample, { id, business, now, ...named });
  }
}

interface Series {
  readonly id: string;
  readonly business: string;
  readonly now: number;
  readonly metric: string;
  readonly dimensions: EventLabels;
}

function addSample(result: RemoteWriteResult, { value, timestamp: given }: Sample, { id, business, now, metric, dimensions }: Series): void {
  const timestamp = eventTimestamp(given, now);
  if (timestamp === undefined) {
    result.rejections.push({ rejection: new Rejection('T1103', `${metric}: timestamp ${given}`), samples: 1 });
    return;
  }
  if (timestamp !== given) result.clamped++;
  result.events.push({
    event_id: `${id}-${given}`,
    event_type: 'metric',
    bk_biz_id: business,
    event_source: PROMETHEUS,
    timestamp,
    raw_data: { metric, value, dimensions },
  });
}

function unusable({ value, stale }: Sample): SkipReason | undefined {
  if (stale) return 'stale';
  if (Number.isNaN(value)) return 'nan';
  return Number.isFinite(value) ? undefined : 'infinite';
}

/** The metric name and the other labels; a label with an empty value equals an absent one. */
function readLabels(labels: RemoteWriteSeries['labels']): { metric: string; dimensions: EventLabels } | Rejection {
  let metric = '';
  const dimensions: EventLabels = {};
  let count = 0;
  for (const [name, value] of labels) {
    if (name === '__name__') metric = value;
    else if (value !== '') {
      const problem = labelProblem(name, value, ++count, metric || 'labels');
      if (problem) return problem;
      dimensions[name] = value;
    }
  }
  if (metric === '') return new Rejection('T1101', 'series without __name__');
  return longerThan(metric, MAX_VALUE_BYTES) ? new Rejection('T1105', '__name__ is too long') : { metric, dimensions };
}
