import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseSourcesFile } from '../sources/sources-file.js';
import type { SourceChangeResult, ShownSource } from '../sources/source.service.js';
import type { ResumedSourcePartition } from '../sources/source-state.service.js';
import type { SourceSummary } from '../sources/source-state.js';
import type { Api } from './api.js';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';
import { formatTable } from './table.js';

const PATH = '/api/v1/sources';
const pathOf = (name: string, rest = ''): string => `${PATH}/${encodeURIComponent(name)}${rest}`;

type Listed = ShownSource & { readonly state: Pick<SourceSummary, 'status' | 'problems' | 'lag' | 'partitions'> };

/** `tocsin sources`: declared event sources. */
export function sourcesCommand(program: Command): void {
  const existing = program.commands.find((command) => command.name() === 'sources');
  const sources = existing ?? program.command('sources').description('manage event sources: external Kafka topics and HTTP senders with a token');
  fileCommands(sources);
  withApiOptions(sources.command('list').description('list sources with their state')).action((options: ApiOptions) =>
    printAnswer(options, (api) => api.call<{ sources: Listed[] }>('GET', PATH), formatList),
  );
  one(sources, 'show <name>', 'show the definition of a source, without secrets', (api, name) => api.call('GET', pathOf(name)), asJson);
  one(
    sources,
    'state <name>',
    'show partitions, positions and problems on every replica',
    (api, name) => api.call('GET', pathOf(name, '/state')),
    formatState,
  );
  one(
    sources,
    'enable <name>',
    'enable a source; it continues at its last position',
    (api, name) => api.call('POST', pathOf(name, '/enable')),
    enabled,
  );
  one(sources, 'disable <name>', 'disable a source; positions are kept', (api, name) => api.call('POST', pathOf(name, '/disable')), enabled);
  one(sources, 'remove <name>', 'delete a source with its tokens and positions', removeOne, ({ removed }) => `removed ${removed}\n`);
  one(sources, 'token <name>', 'create a second token, for rotation', (api, name) => api.call('POST', pathOf(name, '/token')), formatToken);
  one(sources, 'revoke-token <name>', 'revoke the older of two tokens', revokeOne, ({ revoked }) => `revoked the older token of ${revoked}\n`);
  resumeCommand(sources);
}

function fileCommands(sources: Command): void {
  const read = (file: string) => ({ sources: parseSourcesFile(readFileSync(file === '-' ? 0 : file, 'utf8')) });
  for (const [verb, what] of [
    ['plan', 'show the changes that apply would make'],
    ['apply', 'create or update, by name, the sources of a file (- reads standard input)'],
  ] as const) {
    withApiOptions(sources.command(`${verb} <file>`).description(what)).action((file: string, options: ApiOptions) => {
      const given = read(file);
      return printAnswer(options, (api) => api.call<{ sources: SourceChangeResult[] }>('POST', `${PATH}/${verb}`, given), formatApplied);
    });
  }
}

/** A command for one source. */
function one<T>(sources: Command, usage: string, what: string, ask: (api: Api, name: string) => Promise<T>, format: (answer: T) => string): void {
  withApiOptions(sources.command(usage).description(what)).action((name: string, options: ApiOptions) =>
    printAnswer(options, (api) => ask(api, name), format),
  );
}

async function removeOne(api: Api, name: string): Promise<{ removed: string }> {
  await api.call('DELETE', pathOf(name));
  return { removed: name };
}

async function revokeOne(api: Api, name: string): Promise<{ revoked: string }> {
  await api.call('DELETE', pathOf(name, '/token'));
  return { revoked: name };
}

function resumeCommand(sources: Command): void {
  withApiOptions(
    sources
      .command('resume <name>')
      .description('resume halted partitions')
      .option('--from <where>', 'earliest or latest, for partitions whose position no longer exists on the cluster (auto.offset.reset)', 'earliest'),
  ).action((name: string, options: ApiOptions & { from: string }) =>
    printAnswer(
      options,
      (api) => api.call<{ partitions: ResumedSourcePartition[] }>('POST', pathOf(name, '/resume'), { from: options.from }),
      formatResumed,
    ),
  );
}

const asJson = (source: ShownSource): string => `${JSON.stringify(source, null, 2)}\n`;
const enabled = ({ name, is_enabled: on }: ShownSource): string => `${name} is ${on ? 'enabled' : 'disabled'}\n`;
const formatToken = ({ token }: { token: string }): string =>
  `${token}\nThe token is shown only once. The previous token stays valid until: tocsin sources revoke-token\n`;

function formatApplied({ sources }: { sources: SourceChangeResult[] }): string {
  return sources
    .map(({ outcome, name, changed, token }) => {
      const detail = [changed.length > 0 ? `(${changed.join(', ')})` : '', token === undefined ? '' : `token (shown once): ${token}`].filter(Boolean);
      return `${[outcome.padEnd(9), name, ...detail].join(' ')}\n`;
    })
    .join('');
}

function formatList({ sources }: { sources: Listed[] }): string {
  const rows = sources.map(({ name, kind, format, state }) => [
    name,
    kind,
    format,
    state.status,
    kind === 'kafka' ? state.partitions : null,
    kind === 'kafka' ? state.lag : null,
    state.problems[0] ?? null,
  ]);
  return formatTable(['NAME', 'KIND', 'FORMAT', 'STATUS', 'PARTITIONS', 'LAG', 'PROBLEM'], rows);
}

function formatState({ name, kind, status, problems, replicas }: SourceSummary): string {
  const rows = replicas.flatMap(({ instance, partitions }) =>
    partitions.map(({ topic, partition, position, end, lag, in_flight: inFlight, problem }) => [
      topic,
      partition,
      position,
      end,
      lag,
      inFlight,
      instance,
      problem ?? null,
    ]),
  );
  const table = formatTable(['TOPIC', 'PARTITION', 'POSITION', 'END', 'LAG', 'IN-FLIGHT', 'REPLICA', 'PROBLEM'], rows);
  return `${name} (${kind}): ${status}\n${problems.map((problem) => `  ${problem}\n`).join('')}${kind === 'kafka' ? table : ''}`;
}

function formatResumed({ partitions }: { partitions: ResumedSourcePartition[] }): string {
  if (partitions.length === 0) return 'no partition was halted\n';
  return formatTable(
    ['TOPIC', 'PARTITION', 'FROM', 'TO', 'REASON'],
    partitions.map(({ topic, partition, from, to, why }) => [topic, partition, from, to, why]),
  );
}
