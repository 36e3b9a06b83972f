import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseRulesFile } from '../detect/rules-file.js';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';

interface Applied {
  readonly strategies: readonly { readonly outcome: string; readonly name: string; readonly id: number }[];
}

/** `tocsin rules apply`: applies strategies from a YAML file. */
export function rulesCommand(program: Command): void {
  const rules = program.command('rules').description('manage strategies as YAML files');
  withApiOptions(rules.command('apply <file>').description('create or update, by name, the strategies of a file')).action(
    (file: string, options: ApiOptions) => {
      const { strategies } = parseRulesFile(readFileSync(file, 'utf8'));
      return printAnswer(options, (api) => api.call<Applied>('POST', '/api/v1/strategies/apply', { strategies }), format);
    },
  );
}

const format = ({ strategies }: Applied): string => strategies.map(({ outcome, name, id }) => `${outcome.padEnd(9)} ${id} ${name}\n`).join('');
