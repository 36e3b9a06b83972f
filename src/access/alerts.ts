import type { ExternalAlert } from '../topics.js';
import { TocsinError, type ErrorCode } from '../shared/errors.js';
import { JsonError, decodeText, flawCodes, flawOf, parseText } from '../shared/json.js';
import { readLease } from './lease.js';
import { EVENT_DEPTH } from './normalise.js';
import { Rejection } from './rejection.js';

/** The source of all alerts from the Alertmanager API. */
export const ALERTMANAGER = 'alertmanager';

/** Why an alert is rejected, in Alertmanager's terms: 400 from its handler, 601 (bad format) and 602 (required) from its framework. */
export class AlertProblem {
  constructor(
    readonly code: 400 | 601 | 602,
    readonly message: string,
    /** The equivalent code of Tocsin's error catalogue, for the counts. */
    readonly reason: ErrorCode,
  ) {}
}

/** Response to a request with problems; the alerts without problems are accepted nevertheless. */
export interface AlertResponse {
  readonly status: 400 | 422;
  readonly body: string | { readonly code: number; readonly message: string };
}

/** The alerts of a body, or the response when it contains no list. Throws {@link TocsinError} T1001, T1002. */
export function readAlerts(body: Buffer): unknown[] | AlertResponse {
  if (body.length === 0) return { status: 422, body: { code: 602, message: 'alerts in body is required' } };
  try {
    const alerts = parseText(decodeText(body)) ?? [];
    if (Array.isArray(alerts)) return alerts as unknown[];
    return { status: 400, body: { code: 400, message: 'parsing alerts body failed: it must be an array' } };
  } catch (error) {
    if (error instanceof JsonError) throw new TocsinError(flawCodes[error.reason], error.message);
    throw error;
  }
}

/**
 * Converts one alert of `POST /api/v2/alerts` to an event, or returns its problem. Follows Alertmanager 0.27 and later: any label name, empty labels
 * are dropped, unknown fields are not kept. The lease starts at `now`; `id` becomes the id of the event.
 */
export function readAlert(
  item: unknown,
  index: number,
  { now, business, id }: { now: number; business: string; id: string },
): ExternalAlert | AlertProblem {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return refused('T1101', `alert ${index} must be an object`);
  const flaw = flawOf(item, EVENT_DEPTH);
  if (flaw)
    return refused(
      flawCodes[flaw],
      `alert ${index}: ${flaw === 'proto' ? 'forbidden key __proto__, constructor or prototype' : 'nested too deeply'}`,
    );
  const { labels, annotations, startsAt, endsAt, generatorURL } = item as Record<string, unknown>;
  const problem = shapeProblem(labels, generatorURL, index);
  if (problem) return problem;
  const lease = readLease({ labels, annotations, startsAt, endsAt, generatorURL }, now);
  if (lease instanceof Rejection) return rejectedAlert(lease, index);
  return { event_id: id, event_type: 'alert', bk_biz_id: business, event_source: ALERTMANAGER, timestamp: now, raw_data: lease };
}

/** All problems in one response, in the format that clients expect: the framework's when a shape is wrong, else the handler's plain text. */
export function problemsResponse(problems: readonly AlertProblem[]): AlertResponse | undefined {
  if (problems.length === 0) return undefined;
  const message = problems.map((problem) => problem.message).join('\n');
  const shape = problems.find(({ code }) => code !== 400);
  return shape ? { status: 422, body: { code: shape.code, message } } : { status: 400, body: message };
}

/** Converts a rejection to a problem of this API. */
export function rejectedAlert({ code, message }: Rejection, index: number): AlertProblem {
  return refused(code, `alert ${index}: ${message}`);
}

function refused(reason: ErrorCode, message: string): AlertProblem {
  return new AlertProblem(400, message, reason);
}

function shapeProblem(labels: unknown, generatorURL: unknown, index: number): AlertProblem | undefined {
  if (labels === undefined || labels === null) return new AlertProblem(602, `${index}.labels in body is required`, 'T1101');
  if (typeof labels !== 'object' || Array.isArray(labels)) return refused('T1101', `alert ${index}: labels must be an object`);
  const wrong = Object.entries(labels).find(([, value]) => typeof value !== 'string' && value !== null);
  if (wrong) return refused('T1101', `alert ${index}: label ${wrong[0]} must be a string`);
  if (generatorURL === undefined || generatorURL === null || isUri(generatorURL)) return undefined;
  return new AlertProblem(601, `${index}.generatorURL in body must be of type uri: ${JSON.stringify(generatorURL)}`, 'T1101');
}

/** Whether a value is empty, or an absolute or relative URL that can be used as a link. */
function isUri(value: unknown): boolean {
  return typeof value === 'string' && (value === '' || value.startsWith('/') || URL.canParse(value));
}
