import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import { type Api, openApi } from './api.js';

/** What every command that asks a server takes. */
export interface ApiOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** Adds `--url` and `--json`. */
export function askingServer(command: Command): Command {
  return command
    .option(
      '--url <url>',
      'where the server listens; without it: as the settings say, and when nobody listens there, the log and the database themselves',
    )
    .option('--json', 'print the answer as JSON');
}

/** Asks the API, prints what `format` makes of the answer (or the answer itself as JSON), and lets go of everything. */
export async function tell<T>({ url, json }: ApiOptions, ask: (api: Api) => Promise<T>, format: (answer: T) => string | Uint8Array): Promise<void> {
  const api = await openApi(loadConfig(), url);
  try {
    const answer = await ask(api);
    process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : format(answer));
  } finally {
    await api.close();
  }
}
