import { readFileSync } from 'node:fs';
import { parseRulesFile } from './detect/rules-file.js';
import { TocsinError } from './shared/errors.js';

/** Applies a rules file through the API of a running server; answers what happened, a line for each strategy. */
export async function postRules(url: string, file: string): Promise<string> {
  const rules = parseRulesFile(readFileSync(file, 'utf8'));
  const { strategies } = (await post(`${url}/api/v1/strategies/apply`, { strategies: rules.strategies })) as {
    strategies: { outcome: string; name: string; id: number }[];
  };
  return strategies.map(({ outcome, name, id }) => `${outcome.padEnd(9)} ${id} ${name}\n`).join('');
}

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answer = (await response.json()) as { error?: { message: string } };
  if (!response.ok) throw new TocsinError('T2004', answer.error?.message ?? `${url} answers ${response.status}`);
  return answer;
}
