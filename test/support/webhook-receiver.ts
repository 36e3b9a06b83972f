import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { Readable } from 'node:stream';
import type { AddressInfo } from 'node:net';

/** A request as the receiver got it. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the receiver does with a request; `hang` never answers, `endless` answers 500 with a body that never ends. */
export type Reply = 'hang' | 'endless' | { readonly code: number; readonly headers?: Record<string, string>; readonly body?: string };

function* letters(): Generator<string> {
  for (;;) yield 'x'.repeat(10_000);
}

/** A real HTTP server on this machine that keeps what it gets, and answers what the test says. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  #waiting: (() => void)[] = [];

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** `reply` gets each request with its number (1, 2, 3 …); default 200. */
  static async open(reply: (request: Received, number: number) => Reply = () => ({ code: 200 })): Promise<WebhookReceiver> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const got = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
        const answer = reply(got, receiver.#keep(got));
        if (answer === 'endless') Readable.from(letters()).pipe(response.writeHead(500));
        else if (answer !== 'hang') response.writeHead(answer.code, answer.headers).end(answer.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new WebhookReceiver(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return receiver;
  }

  #keep(got: Received): number {
    const number = this.received.push(got);
    for (const wake of this.#waiting.splice(0)) wake();
    return number;
  }

  /** Resolves when so many requests have come in all. */
  async requests(count: number): Promise<Received[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.received;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
