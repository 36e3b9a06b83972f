import type { Command } from 'commander';
import type { DeadLetterPage, Redriven } from '../ops/dead-letters/dead-letters.service.js';
import type { DeadLetterDetail } from '../ops/dead-letters/dead-letters.controller.js';
import type { EncodedBytes } from '../ops/dead-letters/dead-letter.js';
import { parseTime } from '../ops/offsets/position.js';
import { TocsinError } from '../shared/errors.js';
import type { Api } from './api.js';
import { type ApiOptions, withApiOptions, withAuditOptions, milliseconds, printAnswer, parseWholeNumber } from './options.js';
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
  return withApiOptions(command)
    .option('--topic <topic>', 'original topic: raw_events, alerts …')
    .option(
      '--code <code>',
      'error code: T6001 UTF-8, T6002 JSON, T6003 schema, T6004 size, T6005 tombstone, T6006 nesting, T6007 rejected by the handler',
    )
    .option('--stage <group>', 'consumer group that rejected the record: detect, alert, converge or notice')
    .option('--since <time>', 'not older than: ISO 8601, epoch ms, or a duration such as 15m or 2h', sinceTime);
}

/** `tocsin dlq list|show|redrive`: lists, shows and redrives dead letter records. */
export function dlqCommand(program: Command): void {
  const dlq = program.command('dlq').description('list, show and redrive dead letter records');
  filtering(dlq.command('list').description('list dead letter records, newest first'))
    .option('--limit <number>', 'maximum number of records', parseWholeNumber, 50)
    .action((options: Filter & { limit: number }) =>
      printAnswer(options, (api) => api.call<DeadLetterPage>('GET', `/api/v1/dead-letters?${query(options, options.limit)}`), formatPage),
    );
  withApiOptions(dlq.command('show <record>').description('show headers, key and value of the record <topic>/<partition>/<offset>'))
    .option('--raw', 'only the original bytes of the value')
    .action((id: string, options: ApiOptions & { raw?: boolean }) =>
      printAnswer(options, (api) => api.call<DeadLetterDetail>('GET', `/api/v1/dead-letters/${place(id)}`), options.raw ? rawOf : formatDeadLetter),
    );
  withAuditOptions(filtering(dlq.command('redrive [records...]').description('redrive records to their original topic, by id or by filter')))
    .option('--all', 'all records; required without ids and filter')
    .option('--dry-run', 'only show the outcome per record')
    .action((letters: string[], options: RedriveOptions) => printAnswer(options, (api) => redriveAll(api, letters, options), formatRedriven));
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
  if (parts.length !== 3) throw new TocsinError('T6208', `${id}: must have the form <topic>/<partition>/<offset>`);
  return parts.map(encodeURIComponent).join('/');
}

/** Repeats the request until all records that existed at its start have been redriven. */
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

function formatPage({ letters, complete }: DeadLetterPage): string {
  if (letters.length === 0) return 'no dead letter records\n';
  const rows = letters.map(({ id, time, stage, code, attempts, bytes, error }) => [
    ...[id, new Date(time).toISOString(), stage, code, attempts, bytes],
    error && error.length > 80 ? `${error.slice(0, 79)}…` : error,
  ]);
  const table = formatTable(['RECORD', 'TIME', 'STAGE', 'CODE', 'ATTEMPTS', 'BYTES', 'ERROR'], rows);
  return complete ? table : `${table}more records exist; use --limit or --since\n`;
}

function formatDeadLetter({ id, origin, topic, headers, key, value }: DeadLetterDetail): string {
  const stood = origin ? `original position ${topic}/${origin.partition} offset ${origin.offset}` : 'original position unknown';
  const lines = Object.entries(headers).map(([name, text]) => `${name}: ${text}\n`);
  return `${id}; ${stood}\n\n${lines.join('')}\nkey   ${bytesText(key)}\nvalue ${bytesText(value)}\n`;
}

const bytesText = (bytes: EncodedBytes | null): string =>
  bytes === null ? '(none)' : bytes.encoding === 'utf8' ? bytes.content : `(base64) ${bytes.content}`;

/** Raw bytes for a pipe, without a trailing newline. */
const rawOf = ({ value }: DeadLetterDetail): Buffer => Buffer.from(value?.content ?? '', value?.encoding ?? 'utf8');

function formatRedriven({ letters, dry_run, more, waiting }: Answer): string {
  if (letters.length === 0) return 'no matching dead letter records\n';
  const sums = new Map<string, number>();
  for (const { outcome } of letters) sums.set(outcome, (sums.get(outcome) ?? 0) + 1);
  const verb = dry_run ? 'would be redriven' : 'redriven';
  const words: Record<string, string> = {
    redriven: verb,
    already: 'skipped: already redriven',
    'too often': 'skipped: redriven DLQ_MAX_REDRIVES times already',
    'unknown origin': 'skipped: headers do not contain the original position',
    'of a source': 'skipped: read by a source from another cluster; send them to that cluster again',
  };
  const lines = [...sums].map(([outcome, count]) => `${count} ${words[outcome]}\n`);
  const notes = [more && dry_run ? 'more records match\n' : '', waiting ? 'no server is running; the records are published when one starts\n' : ''];
  return [...lines, ...notes].join('');
}
