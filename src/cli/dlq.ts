import type { Command } from 'commander';
import type { LetterPage, Redriven } from '../ops/dead-letters/dead-letters.service.js';
import type { OpenLetter } from '../ops/dead-letters/dead-letters.controller.js';
import type { Shown } from '../ops/dead-letters/dead-letter.js';
import { parseTime } from '../ops/offsets/position.js';
import { TocsinError } from '../shared/errors.js';
import type { Api } from './api.js';
import { byWhom, milliseconds, wholeNumber } from './consumers.js';
import { type ApiOptions, askingServer, tell } from './options.js';
import { formatTable } from './table.js';

interface Filter extends ApiOptions {
  readonly topic?: string;
  readonly code?: string;
  readonly stage?: string;
  readonly since?: number;
}

interface RedriveOptions extends Filter {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly by: string;
  readonly why?: string;
}

type Answer = Redriven & { readonly dry_run: boolean; readonly waiting: boolean };

function filtering(command: Command): Command {
  return askingServer(command)
    .option('--topic <topic>', 'where the record stood: raw_events, alerts …')
    .option('--code <code>', 'why: T6001 UTF-8, T6002 JSON, T6003 schema, T6004 size, T6005 tombstone, T6006 nesting, T6007 refused')
    .option('--stage <group>', 'who refused it: detect, alert, converge, notice')
    .option('--since <time>', 'not older: ISO 8601, epoch ms, or so long ago: 15m, 2h', sinceTime);
}

/** `tocsin dlq list|show|redrive`: records that could not work. */
export function dlqCommand(program: Command): void {
  const dlq = program.command('dlq').description('dead letters: records that could not work');
  filtering(dlq.command('list').description('newest first'))
    .option('--limit <number>', 'most letters', wholeNumber, 50)
    .action((options: Filter & { limit: number }) =>
      tell(options, (api) => api.call<LetterPage>('GET', `/api/v1/dead-letters?${query(options, options.limit)}`), formatPage),
    );
  askingServer(dlq.command('show <letter>').description('headers, key and bytes of <topic>/<partition>/<offset>'))
    .option('--raw', 'only the bytes of the value, as they came')
    .action((id: string, options: ApiOptions & { raw?: boolean }) =>
      tell(options, (api) => api.call<OpenLetter>('GET', `/api/v1/dead-letters/${place(id)}`), options.raw ? rawOf : formatLetter),
    );
  byWhom(
    filtering(dlq.command('redrive [letters...]').description('drive letters back to their topic: those that are named, or that fit the filter')),
  )
    .option('--all', 'every letter, when there is no filter')
    .option('--dry-run', 'only say what would become of them')
    .action((letters: string[], options: RedriveOptions) => tell(options, (api) => redriveAll(api, letters, options), formatRedriven));
}

function sinceTime(text: string): number {
  const time = parseTime(text);
  return time ?? Date.now() - milliseconds(text);
}

function query({ topic, code, stage, since }: Filter, limit: number): string {
  const given = Object.entries({ topic, code, stage, since, limit }).filter(([, value]) => value !== undefined);
  return new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)]))).toString();
}

function place(id: string): string {
  const parts = id.split('/');
  if (parts.length !== 3) throw new TocsinError('T6208', `${id}; it should be <topic>/<partition>/<offset>`);
  return parts.map(encodeURIComponent).join('/');
}

/** The same order again and again, until nothing is left of what was there when it began. */
async function redriveAll(
  api: Api,
  letters: readonly string[],
  { topic, code, stage, since, all, dryRun, by, why }: RedriveOptions,
): Promise<Answer> {
  const which = letters.length > 0 ? { letters } : { topic, code, stage, since, all: all ?? false };
  const order = { ...which, until: Date.now(), dry_run: dryRun ?? false, by, why };
  const seen = new Map<string, Answer['letters'][number]>();
  for (;;) {
    const answer = await api.call<Answer>('POST', '/api/v1/dead-letters/redrive', order);
    for (const each of answer.letters) if (!seen.has(each.id)) seen.set(each.id, each);
    if (!answer.more || answer.dry_run) return { ...answer, letters: [...seen.values()] };
  }
}

function formatPage({ letters, complete }: LetterPage): string {
  if (letters.length === 0) return 'no dead letters\n';
  const rows = letters.map(({ id, time, stage, code, attempts, bytes, error }) => [
    ...[id, new Date(time).toISOString(), stage, code, attempts, bytes],
    error && error.length > 80 ? `${error.slice(0, 79)}…` : error,
  ]);
  const table = formatTable(['LETTER', 'TIME', 'STAGE', 'CODE', 'ATTEMPTS', 'BYTES', 'ERROR'], rows);
  return complete ? table : `${table}there are more; see --limit and --since\n`;
}

function formatLetter({ id, origin, topic, headers, key, value }: OpenLetter): string {
  const stood = origin ? `it stood in ${topic}/${origin.partition} at ${origin.offset}` : 'nobody knows where it stood';
  const lines = Object.entries(headers).map(([name, text]) => `${name}: ${text}\n`);
  return `${id}; ${stood}\n\n${lines.join('')}\nkey   ${told(key)}\nvalue ${told(value)}\n`;
}

const told = (bytes: Shown | null): string => (bytes === null ? '(none)' : bytes.encoding === 'utf8' ? bytes.content : `(base64) ${bytes.content}`);

/** Bytes for a pipe: nothing before, nothing after. */
const rawOf = ({ value }: OpenLetter): Buffer => Buffer.from(value?.content ?? '', value?.encoding ?? 'utf8');

function formatRedriven({ letters, dry_run, more, waiting }: Answer): string {
  if (letters.length === 0) return 'no dead letters fit\n';
  const sums = new Map<string, number>();
  for (const { outcome } of letters) sums.set(outcome, (sums.get(outcome) ?? 0) + 1);
  const verb = dry_run ? 'would be driven back' : 'driven back';
  const words: Record<string, string> = {
    redriven: verb,
    already: 'stay: their record was driven back before',
    'too often': 'stay: they came back as often as DLQ_MAX_REDRIVES allows',
    'unknown origin': 'stay: their headers do not say where they stood',
    'of a source': 'stay: a source read them on another cluster; send them there again',
  };
  const lines = [...sums].map(([outcome, count]) => `${count} ${words[outcome]}\n`);
  const notes = [more && dry_run ? 'and more\n' : '', waiting ? 'no server runs: they leave when one does\n' : ''];
  return [...lines, ...notes].join('');
}
