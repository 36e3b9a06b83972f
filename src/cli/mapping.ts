import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';

interface Mapped {
  readonly events: readonly unknown[];
  readonly errors: readonly { readonly index: number; readonly code: string; readonly message: string }[];
}

interface TestOptions extends ApiOptions {
  readonly business?: string;
}

/** `tocsin sources test-mapping`: applies a mapping to a sample. Follows `sources` in the table of commands. */
export function testMappingCommand(program: Command): void {
  const sources = program.commands.find((command) => command.name() === 'sources') ?? program.command('sources').description('manage event sources');
  withApiOptions(
    sources.command('test-mapping <mapping> <sample>').description('apply a mapping (YAML or JSON file) to a sample file and print the events'),
  )
    .option('--business <id>', 'business of events without bk_biz_id')
    .action((mapping: string, sample: string, { business, ...options }: TestOptions) => {
      const parsed = parse(readFileSync(mapping, 'utf8')) as { mapping?: unknown } | null;
      const body = { mapping: parsed?.mapping ?? parsed, sample: readFileSync(sample, 'utf8'), ...(business !== undefined && { business }) };
      return printAnswer(options, (api) => api.call<Mapped>('POST', '/api/v1/mappings/test', body), format);
    });
}

function format({ events, errors }: Mapped): string {
  const lines = [
    ...events.map((event) => JSON.stringify(event, null, 2)),
    ...errors.map(({ index, code, message }) => `item ${index}: ${code} ${message}`),
  ];
  return `${lines.join('\n')}\n${events.length} events, ${errors.length} rejected items\n`;
}
