import { z } from 'zod';
import { bodySchema, parseRequest } from '../shared/parse.js';
import { channelNames, channels } from './channels/channels.js';

const schema = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters'),
  channel: z.enum(channelNames, { error: `must be one of ${channelNames.join(', ')}` }),
  settings: z.record(z.string(), z.unknown()).default({}),
  /** Notify the receiver of resolved alerts too. */
  send_resolved: z.boolean().default(true),
  /** Receives the messages that name no receiver. */
  is_default: z.boolean().default(true),
  is_enabled: z.boolean().default(true),
});

/** A receiver in API requests. Unknown fields are rejected, so that a typing error is found. */
export const receiverSchema = bodySchema(
  schema.superRefine(({ channel, settings }, context) => {
    for (const issue of channels[channel].settings.safeParse(settings).error?.issues ?? []) {
      context.addIssue({ code: 'custom', path: ['settings', ...issue.path], message: issue.message });
    }
  }),
  { code: 'T4001', whole: '(root)', example: { name: 'ops', channel: 'webhook', settings: { url: 'https://hooks.example/tocsin' } } },
);

/** A receiver in API responses. */
export const receiverResponse = schema.extend({ id: z.number(), created_at: z.number(), updated_at: z.number() });

export type ReceiverBody = z.output<typeof receiverSchema>;

/** A stored receiver. */
export interface Receiver extends ReceiverBody {
  readonly id: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** Names that the collation of a database may treat as equal have the same key. */
export const nameKey = (name: string): string => name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** Validates a receiver. Throws {@link TocsinError} T4001, whose details name every invalid field and the reason. */
export function parseReceiver(value: unknown): ReceiverBody {
  return parseRequest(receiverSchema, value);
}
