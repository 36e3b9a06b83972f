import type { Channel } from './channel.js';
import { consoleChannel } from './console.js';
import { webhook } from './webhook.js';

/** All channels. A new one is a file here and a line in this table. */
export const channels: Readonly<Record<'webhook' | 'console', Channel>> = { webhook, console: consoleChannel };

export type ChannelName = keyof typeof channels;
export const channelNames = Object.keys(channels) as ChannelName[];

/** Undefined for a channel that only another version of Tocsin has. */
export const channelNamed = (name: string): Channel | undefined => (channels as Readonly<Record<string, Channel | undefined>>)[name];
