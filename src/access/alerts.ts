import type { ExternalAlert } from '../topics.js';
import { TocsinError, type ErrorCode } from '../shared/errors.js';
import { JsonError, decodeText, flawCodes, flawOf, parseText } from '../shared/json.js';
import { readLease } from './lease.js';
import { EVENT_DEPTH } from './normalise.js';
import { Rejection } from './rejection.js';

/** The source of all alerts that come by the Alertmanager API. */
export const ALERTMANAGER = 'alertmanager';

/** Why an alert of a request is not taken, as Alertmanager says it: 400 in the words of its handler, 601 bad format and 602 required by its framework. */
export class AlertProblem {
  constructor(
    readonly code: 400 | 601 | 602,
    readonly message: string,
    /** The same reason in our catalogue, for the counts. */
    readonly reason: ErrorCode,
  ) {}
}

/** What a request with problems is answered; the alerts without problems are taken nevertheless. */
export interface AlertResponse {
  readonly status: 400 | 422;
  readonly body: string | { readonly code: number; readonly message: string };
}

/** The alerts of a body, or the answer when there is no list of them. Throws {@link TocsinError} T1001, T1002. */
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
 * One alert of `POST /api/v2/alerts` as an event, or its problem. Rules of Alertmanager 0.27 and later: any label name, empty labels are
 * dropped, unknown fields are not kept. The lease is measured from `now`; `id` becomes the id of the event.
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

/** All problems in one answer, in the style that clients expect: the framework's when a shape is wrong, else the handler's bare text. */
export function problemsResponse(problems: readonly AlertProblem[]): AlertResponse | undefined {
  if (problems.length === 0) return undefined;
  const message = problems.map((problem) => problem.message).join('\n');
  const shape = problems.find(({ code }) => code !== 400);
  return shape ? { status: 422, body: { code: shape.code, message } } : { status: 400, body: message };
}

/** A rejection in the words of this API. */
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

/** Nothing, an absolute or a relative address; what could not stand in a link is none. */
function isUri(value: unknown): boolean {
  return typeof value === 'string' && (value === '' || value.startsWith('/') || URL.canParse(value));
}
