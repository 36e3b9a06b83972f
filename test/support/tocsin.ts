import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../../src/config.js';
import { type Running, serve } from '../../src/app/serve.js';
import { eventually } from './eventually.js';

/** The settings with which tests wait as little as possible. */
export const quickly = {
  HTTP_PORT: '0',
  TICK_MS: '100',
  GROUP_WAIT_MS: '300',
  GROUP_INTERVAL_MS: '500',
  NOTICE_RETRY_MS: '100',
  DETECT_COMMIT_MS: '100',
  DOCS: 'false',
  LOG_LEVEL: 'error',
} as const;

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** A client of the HTTP API. */
export class Client {
  constructor(readonly url: string) {}

  async call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, body: (json ? JSON.parse(text) : text) as T };
  }

  get<T = Record<string, unknown>>(path: string): Promise<Answer<T>> {
    return this.call('GET', path);
  }

  /** Posts, and insists on success. */
  async post<T = Record<string, unknown>>(path: string, body: unknown): Promise<T> {
    const { status, body: answer } = await this.call<T>('POST', path, body);
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async alerts(query = ''): Promise<AlertRow[]> {
    return (await this.get<{ alerts: AlertRow[] }>(`/api/v1/alerts${query}`)).body.alerts;
  }
}

export interface AlertRow {
  readonly alert_id: string;
  readonly alert_name: string;
  readonly status: string;
  readonly severity: number;
  readonly labels: Record<string, string>;
  readonly begin_time: number;
  readonly end_time: number | null;
  readonly end_reason: string | null;
}

export interface TestTocsin {
  readonly client: Client;
  readonly running: Running;
  readonly folder: string;
  /** Stops, and starts again on the same data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A whole Tocsin in this process, embedded, in a temporary folder. */
export async function aTocsin(settings: Record<string, string> = {}): Promise<TestTocsin> {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-e2e-'));
  const config = parseConfig({ ...quickly, DATA_DIR: folder, ...settings });
  let running = await serve(config);
  let client = new Client(running.url);
  return {
    get client() {
      return client;
    },
    get running() {
      return running;
    },
    folder,
    restart: async () => {
      await running.close();
      running = await serve(config);
      client = new Client(running.url);
    },
    close: async () => {
      await running.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Delivery {
  readonly key: string;
  readonly body: {
    readonly status: string;
    readonly notification_reason: string;
    readonly truncatedAlerts: number;
    readonly alerts: readonly { status: string; labels: Record<string, string>; annotations: Record<string, string> }[];
  };
}

/** A webhook receiver on loopback that notes what it gets. */
export class WebhookSink {
  readonly deliveries: Delivery[] = [];
  /** Status that the next requests are answered with; 200 when empty. */
  readonly answers: number[] = [];
  #server: Server | undefined;

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const status = this.answers.shift() ?? 200;
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Delivery['body'];
        if (status === 200) this.deliveries.push({ key: String(request.headers['idempotency-key']), body });
        response.statusCode = status;
        response.end();
      });
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async received(what: string, match: (delivery: Delivery) => boolean): Promise<Delivery> {
    await eventually(
      () => this.deliveries.some(match),
      () => `a notice: ${what}; got ${JSON.stringify(this.deliveries.map(({ body }) => [body.status, body.notification_reason]))}`,
    );
    return this.deliveries.find(match)!;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
