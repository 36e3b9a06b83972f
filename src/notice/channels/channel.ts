import type { z } from 'zod';
import type { ConvergedAlert } from '../../topics.js';
import type { Outbound } from './outbound.client.js';

/** One notice on its way to one receiver. */
export interface Delivery {
  readonly receiver: string;
  /** What the channel's own schema made of the receiver's settings. */
  readonly settings: unknown;
  /** False: members that have ended are left out of what is told. */
  readonly sendResolved: boolean;
  readonly group: ConvergedAlert;
  /** The same for every try of the same notice. */
  readonly idempotencyKey: string;
  /** How people reach this server. */
  readonly externalUrl: string;
  /** Fires when it has taken too long, or when the process stops. */
  readonly signal: AbortSignal;
}

export type Outcome =
  | { readonly kind: 'delivered'; readonly code?: number }
  | {
      readonly kind: 'failed';
      /** Short and of a bounded set: network, timeout, http_503 … */
      readonly reason: string;
      /** In words, for people. */
      readonly error: string;
      /** False: trying again cannot help. */
      readonly retry: boolean;
      readonly code?: number;
      /** The receiver asked for so much time. */
      readonly retryAfterMs?: number;
    };

/** A way to tell people. */
export interface Channel {
  /** Checks what people write as `settings` of a receiver. */
  readonly settings: z.ZodType;
  /** Longest time of one delivery that the settings ask for (ms), if they do. */
  timeoutMs(settings: unknown): number | undefined;
  deliver(delivery: Delivery, outbound: Outbound): Promise<Outcome>;
}

/** Ties a channel's settings to what uses them. */
export function channel<S extends object>(
  settings: z.ZodType<S>,
  deliver: (delivery: Delivery, settings: S, outbound: Outbound) => Promise<Outcome>,
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
