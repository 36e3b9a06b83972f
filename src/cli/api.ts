import type { Config } from '../config.js';
import { openApiOnly } from '../app/serve.js';
import { errors, type ErrorCode, TocsinError } from '../shared/errors.js';

/** Client of the HTTP API. */
export interface Api {
  /** Origin of the responses, for messages. */
  readonly where: string;
  /** Returns the parsed JSON, or the text, of a 2xx response. Otherwise throws {@link TocsinError} with code and message of the API. */
  call<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>;
  close(): Promise<void>;
}

interface Answered {
  readonly status: number;
  readonly text: string;
}

/**
 * The API of the server at `url`; default: the address in the settings. If no server listens there and no `url` was given,
 * the API runs inside this process, on the configured log and database, so that commands work while the server is down.
 */
export async function openApi(config: Config, url?: string): Promise<Api> {
  const base = (url ?? `http://${config.HTTP_HOST}:${config.HTTP_PORT}`).replace(/\/$/, '');
  if (url !== undefined || (await listens(base)))
    return api(
      base,
      (method, path, body) => ask(base, method, path, body),
      async () => {},
    );
  const { app, close } = await openApiOnly({ ...config, LOG_LEVEL: 'error' });
  const inject = async (method: string, path: string, body: unknown): Promise<Answered> => {
    const answer = await app.inject({ method: method as 'GET', url: path, ...payload(body) });
    return { status: answer.statusCode, text: answer.body };
  };
  return api(`no server at ${base}; using the event log and the database directly`, inject, close);
}

function api(where: string, request: (method: string, path: string, body: unknown) => Promise<Answered>, close: () => Promise<void>): Api {
  return {
    where,
    close,
    call: async <T>(method: string, path: string, body?: unknown): Promise<T> => {
      const { status, text } = await request(method, path, body);
      const parsed = parse(text);
      if (status < 300) return parsed as T;
      throw failure(status, parsed);
    },
  };
}

const payload = (body: unknown) => (body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

async function ask(base: string, method: string, path: string, body: unknown): Promise<Answered> {
  try {
    const { headers, payload: text } = payload(body) as { headers?: Record<string, string>; payload?: string };
    const response = await fetch(base + path, { method, ...(text !== undefined && { headers: headers!, body: text }) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    throw new TocsinError('T5005', `${base}: ${reason(error)}`);
  }
}

async function listens(base: string): Promise<boolean> {
  try {
    await fetch(`${base}/health/live`, { signal: AbortSignal.timeout(3000) });
    return true;
  } catch (error) {
    if (reason(error).includes('ECONNREFUSED')) return false;
    throw new TocsinError('T5005', `${base}: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The error in an API response. */
function failure(status: number, answer: unknown): TocsinError {
  const { code, message, details } = (answer as { error?: { code?: string; message?: string; details?: unknown } }).error ?? {};
  if (code === undefined || !(code in errors)) return new TocsinError('T5005', `HTTP status ${status}`);
  const title = errors[code as ErrorCode].title;
  return new TocsinError(code as ErrorCode, message?.startsWith(`${title}: `) ? message.slice(title.length + 2) : (message ?? ''), details);
}
