import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import type { Outcome } from './channels/channel.js';
import { channelNamed } from './channels/channels.js';
import { Outbound } from './channels/outbound.client.js';
import type { DueNotice, Try } from './notice.js';
import type { Receiver } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';

/** Carries one notice to its receiver, once. */
@Injectable()
export class Courier {
  readonly #externalUrl: string;

  constructor(
    private readonly config: Config,
    private readonly reader: ReceiverReader,
    private readonly outbound: Outbound,
  ) {
    this.#externalUrl = config.EXTERNAL_URL ?? `http://${config.HTTP_HOST}:${config.HTTP_PORT}`;
  }

  /** Receivers by name. */
  async receivers(): Promise<Map<string, Receiver>> {
    return new Map((await this.reader.all()).map((receiver) => [receiver.name, receiver]));
  }

  /** Milliseconds that one delivery to the receiver takes at most. */
  timeoutMs(receiver: Receiver | undefined): number {
    return (receiver && channelNamed(receiver.channel)?.timeoutMs(receiver.settings)) ?? this.config.NOTICE_TIMEOUT_MS;
  }

  /** Never rejects: whatever goes wrong is an outcome. `stopping` ends a delivery early. */
  async deliver(notice: DueNotice, receiver: Receiver | undefined, stopping: AbortSignal): Promise<Try> {
    const started = performance.now();
    const outcome = await this.#deliver(notice, receiver, stopping);
    return { outcome, latencyMs: performance.now() - started };
  }

  async #deliver(notice: DueNotice, receiver: Receiver | undefined, stopping: AbortSignal): Promise<Outcome> {
    if (!receiver) return refused('receiver_deleted', `receiver ${notice.receiver} no longer exists`);
    if (!receiver.is_enabled) return refused('receiver_disabled', `receiver ${notice.receiver} is disabled`);
    const channel = channelNamed(receiver.channel);
    if (!channel) return refused('unknown_channel', `unknown channel ${receiver.channel}`);
    const limit = new AbortController();
    const abort = (): void => limit.abort();
    const timer = setTimeout(abort, this.timeoutMs(receiver));
    stopping.addEventListener('abort', abort);
    try {
      return await channel.deliver(
        {
          receiver: receiver.name,
          settings: receiver.settings,
          sendResolved: receiver.send_resolved,
          group: notice.group,
          idempotencyKey: notice.idempotency_key,
          externalUrl: this.#externalUrl,
          signal: limit.signal,
        },
        this.outbound,
      );
    } catch (error) {
      // A channel that fails in a way of its own must not stop the others; people read it in the notice.
      return { kind: 'failed', reason: 'channel', error: String(error), retry: true };
    } finally {
      clearTimeout(timer);
      stopping.removeEventListener('abort', abort);
    }
  }
}

const refused = (reason: string, error: string): Outcome => ({ kind: 'failed', reason, error, retry: false });
