import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import type { DeliveryOutcome } from './channels/channel.js';
import { channelNamed } from './channels/channels.js';
import { Outbound } from './channels/outbound.client.js';
import type { DueNotice, DeliveryAttempt } from './notice.js';
import type { Receiver } from './receiver.js';
import { ReceiverReader } from './receiver.reader.js';

/** Delivers one notice through the channel of its receiver, once. */
@Injectable()
export class NoticeDelivery {
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

  /** Timeout of one delivery to the receiver (ms). */
  timeoutMs(receiver: Receiver | undefined): number {
    return (receiver && channelNamed(receiver.channel)?.timeoutMs(receiver.settings)) ?? this.config.NOTICE_TIMEOUT_MS;
  }

  /** Never rejects: a failure is an outcome. `stopping` aborts the delivery. */
  async deliver(notice: DueNotice, receiver: Receiver | undefined, stopping: AbortSignal): Promise<DeliveryAttempt> {
    const started = performance.now();
    const outcome = await this.#deliver(notice, receiver, stopping);
    return { outcome, latencyMs: performance.now() - started };
  }

  async #deliver(notice: DueNotice, receiver: Receiver | undefined, stopping: AbortSignal): Promise<DeliveryOutcome> {
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
      // An unexpected error of a channel must not stop the sender; the notice shows it.
      return { kind: 'failed', reason: 'channel', error: String(error), retry: true };
    } finally {
      clearTimeout(timer);
      stopping.removeEventListener('abort', abort);
    }
  }
}

const refused = (reason: string, error: string): DeliveryOutcome => ({ kind: 'failed', reason, error, retry: false });
