import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, type Dispatcher, request } from 'undici';
import { version } from '../../shared/version.js';

/** Response bodies are only shown in error messages, so the rest is not read. */
const MOST_BODY_BYTES = 65_536;

export interface HttpResponse {
  readonly code: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
  /** Time of receipt (epoch ms). */
  readonly at: number;
}

/** The only output of notices: HTTP to configured addresses, and the log of this process. */
@Injectable()
export class Outbound implements OnApplicationShutdown {
  readonly #logger = new Logger('notice');
  readonly #agent = new Agent({ pipelining: 1, connect: { timeout: 10_000 } });

  /** Posts and reads the response; redirects are not followed. Rejects on network errors and when `signal` aborts. */
  async post(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<HttpResponse> {
    const response = await request(url, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: { 'user-agent': `Tocsin/${version}`, ...headers },
      body,
      signal,
    });
    const retryAfter = response.headers['retry-after'];
    return {
      code: response.statusCode,
      body: await read(response.body),
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      at: Date.now(),
    };
  }

  /** Writes a line to the log of this process. */
  print(line: string): void {
    this.#logger.log(line);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** At most {@link MOST_BODY_BYTES}; a longer body is cut off with its connection. */
async function read(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk as Uint8Array);
    chunks.push(bytes.subarray(0, MOST_BODY_BYTES - size));
    size += bytes.length;
    if (size >= MOST_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}
