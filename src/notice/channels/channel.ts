import type { z } from 'zod';
import type { ConvergedAlert } from '../../topics.js';
import type { Outbound } from './outbound.client.js';

/** One notice for one receiver, as a channel delivers it. */
export interface ChannelRequest {
  readonly receiver: string;
  /** The receiver's settings, parsed by the channel's schema. */
  readonly settings: unknown;
  /** False: resolved members are omitted. */
  readonly sendResolved: boolean;
  readonly group: ConvergedAlert;
  /** The same for every attempt to send the notice. */
  readonly idempotencyKey: string;
  /** Public base URL of this server. */
  readonly externalUrl: string;
  /** Aborts at the timeout and when the process stops. */
  readonly signal: AbortSignal;
}

export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly code?: number }
  | {
      readonly kind: 'failed';
      /** From a bounded set: network, timeout, http_503 … */
      readonly reason: string;
      /** Message for operators. */
      readonly error: string;
      /** False: a retry cannot succeed. */
      readonly retry: boolean;
      readonly code?: number;
      /** From the receiver's Retry-After header. */
      readonly retryAfterMs?: number;
    };

/** A notification channel. */
export interface Channel {
  /** Schema of the `settings` of a receiver. */
  readonly settings: z.ZodType;
  /** Timeout of one delivery in the settings (ms), if they have one. */
  timeoutMs(settings: unknown): number | undefined;
  deliver(delivery: ChannelRequest, outbound: Outbound): Promise<DeliveryOutcome>;
}

/** Defines a channel: its settings, and the functions that use them. */
export function channel<S extends object>(
  settings: z.ZodType<S>,
  deliver: (delivery: ChannelRequest, settings: S, outbound: Outbound) => Promise<DeliveryOutcome>,
  timeoutMs: (settings: S) => number | undefined = () => undefined,
): Channel {
  return {
    settings,
    timeoutMs: (given) => {
      const { data } = settings.safeParse(given);
      return data && timeoutMs(data);
    },
    deliver: (delivery, outbound) => deliver(delivery, settings.parse(delivery.settings), outbound),
  };
}
