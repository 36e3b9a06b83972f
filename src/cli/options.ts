import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config.js';
import { type Api, openApi } from './api.js';

/** Options of every command that calls the API. */
export interface ApiOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** Adds `--url` and `--json`. */
export function withApiOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'URL of the server; default: the address in the settings, or direct access to event log and database if no server listens there',
    )
    .option('--json', 'print JSON');
}

/** Calls the API, prints the formatted response or its JSON, and closes the connection. */
export async function printAnswer<T>(
  { url, json }: ApiOptions,
  ask: (api: Api) => Promise<T>,
  format: (answer: T) => string | Uint8Array,
): Promise<void> {
  const api = await openApi(loadConfig(), url);
  try {
    const answer = await ask(api);
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : format(answer));
  } finally {
    await api.close();
  }
}

/** Parses a non-negative integer option. */
export function parseWholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be an integer.');
  return Number(text);
}

/** Adds `--by` and `--why`, which are recorded in the audit log. */
export function withAuditOptions(command: Command): Command {
  return command.option('--by <name>', 'operator, for the audit log', userInfo().username).option('--why <text>', 'reason, for the audit log');
}

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Parses a duration option such as 15m; returns milliseconds. */
export function milliseconds(duration: string): number {
  const [, count, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(duration) ?? [];
  if (!count) throw new InvalidArgumentError('must be a duration such as 90s, 15m, 2h, 1d.');
  return Number(count) * units[unit as keyof typeof units];
}
