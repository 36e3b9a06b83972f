import { ConsoleLogger } from '@nestjs/common';
import type { Config } from '../config.js';

/** Nest's own startup messages, which are of no use to operators. */
const QUIET = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication', 'NestMicroservice']);

const levels = ['debug', 'log', 'warn', 'error', 'fatal'] as const;

/** Whether the log format is JSON: LOG_FORMAT, else text in embedded mode for people and JSON otherwise for log collectors. */
export const wantsJson = (config: Pick<Config, 'LOG_FORMAT' | 'mode'>): boolean =>
  (config.LOG_FORMAT ?? (config.mode === 'embedded' ? 'text' : 'json')) === 'json';

/** Writes log lines in the configured format: one JSON object per line, or text that begins with the time. */
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
