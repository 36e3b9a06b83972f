// docs/kafka.md from docs/kafka.rows.yaml: each row with its settings, commands, pages, and the tests whose titles end with its id.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { parse } from 'yaml';

/** The end of a title: `… (P3)` or `… (P3, C1)`. */
const IDS = /\(([PCO]\d+(?:, [PCO]\d+)*)\)['"`]/g;

/**
 * @param {string} root of the project
 * @param {{ settings: object, commands: readonly ((program: Command) => void)[] }} catalogue
 * @returns {string} the table in Markdown
 * @throws {Error} when a row names what does not exist, or has no test
 */
export function kafkaTable(root, { settings, commands }) {
  const rows = parse(readFileSync(join(root, 'docs', 'kafka.rows.yaml'), 'utf8'));
  const tests = testsById(root);
  const known = new Set(commandNames(commands));
  const wrong = rows.flatMap((row) => flaws(row, settings, known, tests));
  if (wrong.length > 0) throw new Error(`docs/kafka.rows.yaml: ${wrong.join('; ')}`);
  const lines = rows.map((row) => `| ${[row.id, row.what, means(row), proofs(tests.get(row.id))].join(' | ')} |\n`);
  return `| | What | Settings, commands, pages | Proven by |\n| --- | --- | --- | --- |\n${lines.join('')}`;
}

function flaws({ id, settings: named = [], commands = [] }, settings, known, tests) {
  return [
    ...named.filter((name) => !(name in settings)).map((name) => `${id}: there is no setting ${name}`),
    ...commands.filter((name) => !known.has(name)).map((name) => `${id}: there is no command ${name}`),
    ...(tests.has(id) ? [] : [`${id}: no test has a title that ends with (${id})`]),
  ];
}

function means({ settings = [], commands = [], docs = [] }) {
  return [
    ...settings.map((name) => `\`${name}\``),
    ...commands.map((name) => `\`tocsin ${name}\``),
    ...docs.map((page) => `[${page.replace('.md', '')}](${page})`),
  ].join('<br>');
}

const proofs = (files) => [...files].map(([file, count]) => `[${file.split('/').at(-1)}](../${file})${count > 1 ? ` (${count})` : ''}`).join('<br>');

/** By row: the files with tests of it, and how many. */
function testsById(root) {
  const found = new Map();
  for (const file of [...specs(join(root, 'test')), ...specs(join(root, 'src'))]) {
    for (const [, ids] of readFileSync(file, 'utf8').matchAll(IDS)) {
      for (const id of ids.split(', ')) {
        const files = found.get(id) ?? new Map();
        found.set(id, files);
        const name = relative(root, file);
        files.set(name, (files.get(name) ?? 0) + 1);
      }
    }
  }
  return found;
}

const specs = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.spec.ts'))
    .sort()
    .map((name) => join(folder, name));

function commandNames(commands) {
  const program = new Command();
  for (const add of commands) add(program);
  const names = (command, prefix) => command.commands.flatMap((each) => [prefix + each.name(), ...names(each, `${prefix}${each.name()} `)]);
  return names(program, '');
}
