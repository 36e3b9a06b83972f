import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Agent, type Dispatcher, request } from 'undici';
import { version } from '../../shared/version.js';

/** Answers are for people to read in the log of a failure: more than this is not read. */
const MOST_ANSWER_BYTES = 65_536;

export interface Answer {
  readonly code: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
  /** When it came (epoch ms). */
  readonly at: number;
}

/** The one place through which notices leave, for addresses that people configured and for our own log. */
@Injectable()
export class Outbound implements OnApplicationShutdown {
  readonly #logger = new Logger('notice');
  readonly #agent = new Agent({ pipelining: 1, connect: { timeout: 10_000 } });

  /** Posts and reads the answer; redirects are answers like others. Rejects on network trouble and when `signal` fires. */
  async post(url: string, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<Answer> {
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

  /** Writes a line to our own log. */
  print(line: string): void {
    this.#logger.log(line);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** At most {@link MOST_ANSWER_BYTES}; a longer answer costs its connection, not our memory. */
async function read(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk as Uint8Array);
    chunks.push(bytes.subarray(0, MOST_ANSWER_BYTES - size));
    size += bytes.length;
    if (size >= MOST_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}
