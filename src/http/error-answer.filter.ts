import { HttpException } from '@nestjs/common';
import { TocsinError, errors, type ErrorCode } from '../shared/errors.js';

/** Response to a failed request. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Seconds after which the client should retry. */
  readonly retryAfter?: number;
  /** True for a bug or an outage, which must be logged. */
  readonly unexpected: boolean;
}

/** Error codes of failures in the framework, by HTTP status. */
const codes: Readonly<Record<number, ErrorCode>> = { 403: 'T9003', 404: 'T9000', 405: 'T1019', 413: 'T1003', 415: 'T1004', 503: 'T9004' };
/** Seconds by HTTP status: throttled clients may retry soon, an outage takes longer. `retry_after` in the details of an error takes precedence. */
const retryAfter: Readonly<Record<number, number>> = { 429: 1, 503: 5 };

/** Statuses of requests that reach no handler. */
const beforeHandlers = new Set([404, 405, 413, 415]);

/** A failed request, before it is formatted for its kind of client. */
interface Failure {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

/** Endpoints of BlueKing agents, which expect `{"code":"403","result":"false","message"}`. */
const reports = /^\/(?:v2\/push|api\/v1\/report)\/?(?:\?|$)/;

/**
 * Formats the response to a failed request as `{"error":{"code","message","details"}}`. Under /api/v2/ it is a bare JSON string (failures of a
 * handler) or `{"code":status,"message"}` (failures before the handler), because the clients of the Alertmanager API print these. Responses to
 * BlueKing agents combine the fields that the agents expect with `error`.
 */
export function answerTo(exception: unknown, path: string): Answer {
  const failure = failureOf(exception);
  return {
    status: failure.status,
    body: path.startsWith('/api/v2/')
      ? alertmanagerBody(exception, failure, path)
      : { ...reportBody(failure, path), error: { ...failure, status: undefined } },
    retryAfter: retryAfterOf(failure.details) ?? retryAfter[failure.status],
    unexpected: failure.code === 'T9001' || (exception instanceof TocsinError && failure.status === 500),
  };
}

function failureOf(exception: unknown): Failure {
  if (exception instanceof TocsinError) {
    return { status: exception.status, code: exception.code, message: exception.message, details: exception.details };
  }
  if (exception instanceof HttpException) {
    const response = exception.getResponse();
    const ownWords = typeof response === 'object' && !('statusCode' in response);
    return failureOfStatus(exception.getStatus(), exception.message, ownWords ? response : undefined);
  }
  const status = exception instanceof Error ? (exception as { statusCode?: unknown }).statusCode : undefined;
  if (exception instanceof Error && typeof status === 'number' && status >= 400 && status < 500) return failureOfStatus(status, exception.message);
  return failureOfStatus(500, '');
}

function failureOfStatus(status: number, detail: string, details?: unknown): Failure {
  const code = codes[status] ?? (status >= 500 ? 'T9001' : 'T9002');
  const title = errors[code].title;
  return code === 'T9001' ? { status, code, message: title } : { status, code, message: `${title}: ${detail}`, details };
}

function reportBody({ status, code, message }: Failure, path: string): object {
  return reports.test(path) ? { code: String(status), result: 'false', message: `${code} ${message}` } : {};
}

function retryAfterOf(details: unknown): number | undefined {
  const { retry_after: seconds } = (details ?? {}) as { retry_after?: unknown };
  return typeof seconds === 'number' ? seconds : undefined;
}

function alertmanagerBody(exception: unknown, failure: Failure, path: string): unknown {
  if (exception instanceof TocsinError && !/^T10|^T9/.test(exception.code)) return exception.message;
  if (exception instanceof HttpException) {
    const response = exception.getResponse();
    if (typeof response === 'string' ? !beforeHandlers.has(failure.status) : 'code' in response) return response;
    if (failure.status === 404) return { code: 404, message: `path ${path.split('?', 1)[0]} was not found` };
  }
  return { code: failure.status, message: failure.message };
}
