import { ConsoleLogger } from '@nestjs/common';
import type { Config } from '../config.js';

/** What Nest tells of its own start is of use to nobody who runs the binary. */
const QUIET = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication', 'NestMicroservice']);

const levels = ['debug', 'log', 'warn', 'error', 'fatal'] as const;

/** JSON or text, as the settings want it: embedded people read text, log collectors read JSON. */
export const wantsJson = (config: Pick<Config, 'LOG_FORMAT' | 'mode'>): boolean =>
  (config.LOG_FORMAT ?? (config.mode === 'embedded' ? 'text' : 'json')) === 'json';

/** Log lines as the settings want them: one JSON object a line, or text with the time first. */
export class TocsinLogger extends ConsoleLogger {
  constructor(config: Pick<Config, 'LOG_FORMAT' | 'LOG_LEVEL' | 'mode'>) {
    const least = levels.indexOf(config.LOG_LEVEL === 'info' ? 'log' : config.LOG_LEVEL);
    const json = wantsJson(config);
    super({ json, colors: !json && process.stdout.isTTY === true, logLevels: [...levels.slice(least)] });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!QUIET.has(String(rest.at(-1)))) super.log(message, ...(rest as [string]));
  }

  protected override formatPid(): string {
    return '';
  }

  protected override getTimestamp(): string {
    return new Date().toISOString();
  }
}
