// `npm run docs`: writes the catalogues of docs/ from the tables in the code. `--check` only says which of them are not fresh.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { kafkaTable } from './kafka-rows.mjs';
import { build, install, root } from './setup.mjs';

const made = (from) => `<!-- Made by \`npm run docs\` from ${from}: change it there. -->\n`;
const cell = (text) =>
  String(text)
    .replace(/[|<]|__/g, escaped)
    .replaceAll('\n', ' ');
const escaped = (mark) => mark.replace(/./g, '\\$&');
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('');
const code = (text) => `\`${text}\``;

/** By the first two characters of an error's code: what it is about. */
const ORIGINS = {
  T1: 'Ingestion',
  T2: 'Strategies',
  T3: 'Alerts',
  T4: 'Receivers and groups',
  T5: 'Settings and startup',
  T6: 'Records of the event log',
  T7: 'Sources and clusters',
  T9: 'General',
};

function errorsPage({ errors, findingTitles }) {
  const rows = Object.entries(errors).map(([id, { status, title }]) => ({ origin: id.slice(0, 2), row: [code(id), status, title] }));
  const findings = Object.entries(findingTitles).map(([id, title]) => [code(id), title]);
  const stray = rows.find(({ origin }) => !(origin in ORIGINS));
  if (stray) throw new Error(`scripts/docs.mjs has no heading for the errors ${stray.origin}…`);
  const sections = Object.entries(ORIGINS).map(([origin, title]) => {
    const own = rows.filter((each) => each.origin === origin).map(({ row }) => row);
    return `\n## ${title}\n\n${table(['Code', 'HTTP status', 'Meaning'], own)}`;
  });
  return `${made('src/shared/errors.ts')}
# Errors

A code never changes its meaning. The code of a rejected record is in the header \`tocsin-error-code\` of its dead letter record; the
code of a halted partition is in the audit table.
${sections.join('')}
## Findings of \`tocsin doctor\`

${table(['Code', 'Meaning'], findings)}`;
}

function settingsPage({ settings }, { toJSONSchema }) {
  const rows = Object.entries(settings).map(([name, setting]) => [code(name), defaultOf(setting), values(setting, toJSONSchema), setting.means]);
  return `${made('src/shared/settings.ts')}
# Settings

Each setting is an environment variable, or a key of the same name in the YAML file that \`TOCSIN_CONFIG\` names
([an example](settings.example.yaml)); the environment takes precedence. An invalid setting prevents the start, with an error that names it.

${table(['Setting', 'Default', 'Values', 'Meaning'], rows)}`;
}

const isProcessName = (text) => text === `${hostname()}-${process.pid}`;

function defaultOf(setting) {
  if (!setting.default) return '';
  return isProcessName(setting.default) ? 'host name and process id' : code(setting.default);
}

function values({ schema }, toJSONSchema) {
  const { enum: allowed, pattern } = toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  if (allowed) return allowed.map(code).join(', ');
  return pattern === '^\\d+$' ? 'whole number' : 'text';
}

function settingsExample({ settings }) {
  const lines = Object.entries(settings).map(([name, setting]) => {
    const value = setting.default === undefined || isProcessName(setting.default) ? '' : ` ${setting.default || "''"}`;
    return `\n# ${setting.means}\n# ${name}:${value}\n`;
  });
  return `# Settings of Tocsin, with their defaults. Start with TOCSIN_CONFIG=<this file>. Made by \`npm run docs\` from src/shared/settings.ts.\n${lines.join('')}`;
}

function topicsPage({ topics, deadLetterTopic }, { deadLetterHeaders }, { toJSONSchema }) {
  const all = Object.values(topics);
  const sections = all.map(({ name, schema }) => {
    const shape = toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    return `\n## ${name}\n\n\`\`\`json\n${JSON.stringify(shape, undefined, 2)}\n\`\`\`\n`;
  });
  const headers = Object.keys(deadLetterHeaders('', 0, '', { offset: 0, headers: {} }, { code: '', message: '' }, 0));
  const rows = all.map(({ name, keyedBy }) => [`[${name}](#${name})`, keyedBy, code(deadLetterTopic(name))]);
  return `${made('src/topics.ts')}
# Topics

JSON, UTF-8; times are epoch milliseconds; unknown fields pass through. The key decides the partition, and so the order.
A record that cannot be processed is moved with its original bytes and key to the dead-letter topic of its topic, with these headers:
${headers.map(code).join(', ')}.

${table(['Topic', 'Key', 'Dead letters'], rows)}${sections.join('')}`;
}

function metricsPage({ metrics }) {
  const rows = Object.entries(metrics).map(([name, { type, help, labels = [] }]) => [code(name), type, labels.map(code).join(', '), help]);
  return `${made('src/runtime/metric-catalogue.ts')}
# Metrics

Metrics of \`GET /metrics\`, in addition to the standard metrics of the Node.js process.

${table(['Metric', 'Type', 'Labels', 'Meaning'], rows)}`;
}

function kafkaPage(config, commands) {
  return `${made('docs/kafka.rows.yaml, the settings, the commands and the tests')}
# Kafka features

Every Kafka feature of Tocsin with its settings, its commands, and the tests on a real Apache Kafka that fail without it.
Tested with Apache Kafka 4.3.1 (every run) and 3.9.2 (\`npm run test:kafka -- --kafka 3.9.2\`).

${kafkaTable(root, { ...config, ...commands })}`;
}

/** The API of a process with default settings. It names no release: the file changes only with the API. */
async function openApiFile({ openApiOnly }, { parseConfig }, { openApiDocument }) {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-docs-'));
  try {
    const { app, close } = await openApiOnly(parseConfig({ DATA_DIR: folder, LOG_LEVEL: 'error' }));
    const document = openApiDocument(app, 'v1');
    await close();
    return JSON.stringify(document);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The generated files, by path. */
async function pages() {
  const load = (path) => import(pathToFileURL(join(root, 'dist', 'src', path)).href);
  const { z } = await import('zod');
  const [errors, config, topics, deadLetters, metrics, commands, ...api] = await Promise.all(
    [
      'shared/errors.js',
      'shared/settings.js',
      'topics.js',
      'log/dead-letters.js',
      'runtime/metric-catalogue.js',
      'cli/commands.js',
      ...['app/serve.js', 'config.js', 'http/openapi.service.js'],
    ].map(load),
  );
  const unformatted = {
    'docs/errors.md': errorsPage(errors),
    'docs/settings.md': settingsPage(config, z),
    'docs/settings.example.yaml': settingsExample(config),
    'docs/topics.md': topicsPage(topics, deadLetters, z),
    'docs/metrics.md': metricsPage(metrics),
    'docs/kafka.md': kafkaPage(config, commands),
    'docs/openapi.json': await openApiFile(...api),
  };
  return Object.fromEntries(await Promise.all(Object.entries(unformatted).map(async ([path, page]) => [path, await formatted(path, page)])));
}

/** Markdown and JSON as `npm run format` leaves them; other files as they are. */
const formatted = async (path, page) =>
  /\.(md|json)$/.test(path) ? format(page, { ...(await resolveConfig(join(root, path))), filepath: path }) : page;

const written = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);

async function main(checking) {
  await install();
  await build();
  const stale = Object.entries(await pages()).filter(([path, page]) => written(path) !== page);
  for (const [path, page] of stale) {
    if (!checking) writeFileSync(join(root, path), page);
    console.log(checking ? `${path} is not what the code says; run \`npm run docs\`` : `wrote ${path}`);
  }
  if (checking && stale.length > 0) process.exitCode = 1;
}

main(process.argv.includes('--check')).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
