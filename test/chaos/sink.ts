import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Random } from './random.js';

/** What became of a request: `answered` 200 is the only one that counts as delivered. */
export type Fate = 'answered' | 'refused' | 'cut';

/** A request that arrived at the receiver. */
export interface Arrival {
  readonly path: string;
  readonly key: string;
  readonly body: string;
  readonly receivedAt: number;
  fate: Fate;
}

/** What the sink reads of a body. */
const notice = z.object({
  status: z.enum(['firing', 'resolved']),
  truncatedAlerts: z.number().int().nonnegative(),
  alerts: z.array(z.object({ status: z.enum(['firing', 'resolved']), annotations: z.looseObject({ tocsin_alert_id: z.string() }) })),
});
export type Notice = z.infer<typeof notice>;

/** The notice that a body holds. Throws when it is none. */
export const noticeOf = (body: string): Notice => notice.parse(JSON.parse(body));

const REFUSED = 0.02;
const CUT = 0.015;
const SLOW = 0.02;
const SLOW_MS = 400;

/** A webhook receiver that keeps everything it got, and is not quite reliable: some requests it refuses, some it leaves without an answer. */
export class Sink {
  readonly arrivals: Arrival[] = [];
  /** Off: every request is answered 200 at once. */
  moody = true;
  #server: Server | undefined;

  constructor(private readonly random: Random) {}

  async listen(): Promise<string> {
    const server = createServer((request, response) => this.#take(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    // The sender may be killed in the middle of it: then nothing has arrived.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const arrival: Arrival = {
        path: request.url ?? '',
        key: String(request.headers['idempotency-key']),
        body: Buffer.concat(chunks).toString('utf8'),
        receivedAt: Date.now(),
        fate: 'cut',
      };
      this.arrivals.push(arrival);
      this.#answer(arrival, response);
    });
  }

  #answer(arrival: Arrival, response: ServerResponse): void {
    const mood = this.moody ? this.random.next() : 1;
    if (mood < CUT) response.destroy();
    else if (mood < CUT + REFUSED) this.#end(arrival, response, 'refused');
    else if (mood < CUT + REFUSED + SLOW) setTimeout(() => this.#end(arrival, response, 'answered'), SLOW_MS);
    else this.#end(arrival, response, 'answered');
  }

  #end(arrival: Arrival, response: ServerResponse, fate: Fate): void {
    // Who has died in the meantime gets no answer.
    if (response.destroyed) return;
    arrival.fate = fate;
    response.writeHead(fate === 'answered' ? 200 : 503).end();
  }
}
