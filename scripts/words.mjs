// Banned words of STYLE.md, as a step of `npm run check`. To ban a word add a line to `rules`; to check more files add them to `scopes`.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { root } from './setup.mjs';

/**
 * The kinds of text and the files in which each kind is checked: a path prefix, or `*` and a suffix; `!` excludes.
 * strings: literals that contain a space, without SQL. docs: lines of Markdown (code excluded), YAML and JSON.
 */
const scopes = {
  strings: ['src/', 'scripts/', '!src/detect/', '!*.spec.ts', '!scripts/words.mjs'],
  comments: ['src/', 'migrations/', '!*.spec.ts'],
  identifiers: [
    'src/log/kafka/',
    'src/log/embedded/',
    '!src/log/kafka/producer/outbox-',
    '!src/log/kafka/kafka-log.client.ts',
    'src/shared/errors.ts',
    'src/shared/setting.ts',
    'src/shared/settings.ts',
    'src/runtime/metric-catalogue.ts',
    'src/cli/',
    'src/main.ts',
  ],
  docs: ['*.md', 'docs/errors.md', 'docs/settings.md', 'docs/settings.example.yaml', 'docs/metrics.md', 'deploy/prometheus/', 'deploy/grafana/'],
};

/** Not a field's term, so banned everywhere. Identifiers are compared as lower-case words: `toldAt` is `told at`. */
const EVERYWHERE = ['strings', 'comments', 'identifiers', 'docs'];
const PROSE = ['strings', 'comments', 'docs'];

/**
 * One rule a line: what is banned, what to say instead, where, a sample that the rule must find, and text around the word that makes it legitimate.
 * @type {readonly { word: RegExp; say: string; where: readonly string[]; bad: string; allow?: RegExp }[]}
 */
export const rules = [
  { word: /\b(un)?told\b|\btells?\b|\btelling\b/, say: 'notified, reported, pending', where: EVERYWHERE, bad: 'when the group was told' },
  { word: /\b(hears?|heard|believes?|thinks?)\b/, say: 'receives, assumes', where: EVERYWHERE, bad: 'the log hears of it' },
  { word: /\b(nobody|somebody|whoever|whom)\b/, say: 'the component by its name', where: EVERYWHERE, bad: 'nobody consumes' },
  { word: /\bborn\b|\bbirths?\b/, say: 'created, arrivals', where: EVERYWHERE, bad: 'the birth of an alert' },
  { word: /\b(held|holds?|holding)\b/, say: 'pause, halt, acquire, lock, contain', where: EVERYWHERE, bad: 'who holds the lease' },
  {
    word: /\bletters?\b/,
    say: 'dead letter record',
    where: EVERYWHERE,
    bad: 'open letters',
    allow: /dead[ -]letters?|capital letters|letters, digits/,
  },
  { word: /\brounds\b|\bround of\b/, say: 'batches, runs', where: EVERYWHERE, bad: 'rounds of duties' },
  { word: /\b(outlets?|pumps?|plants?)\b/, say: 'ordered publisher, source consumer', where: EVERYWHERE, bad: 'the pump of a source' },
  { word: /\b(couriers?|lanes?)\b/, say: 'delivery, receiver queue, ordering key', where: EVERYWHERE, bad: 'its lane' },
  { word: /\bgrowth guards?\b/, say: 'partition expansion check', where: EVERYWHERE, bad: 'a growth guard' },
  {
    word: /\b(doors?|intake|sieve|sift|omissions?)\b/,
    say: 'endpoint, ingest result, admission policy, filter',
    where: EVERYWHERE,
    bad: 'the open door',
  },
  { word: /\bparcels?\b/, say: 'outbox row', where: EVERYWHERE, bad: 'parcels wait' },
  { word: /\b(foreign|strangers?)\b/, say: 'external, unknown group', where: EVERYWHERE, bad: 'a foreign topic', allow: /foreign key/ },
  { word: /\bwish(es|ed)?\b/, say: 'options', where: EVERYWHERE, bad: 'the wish of a replay' },
  { word: /\b(patience|grace|mood|news|speaker|misfits?)\b/, say: 'retry policy, timeout, state', where: EVERYWHERE, bad: 'the grace' },
  { word: /\bgraceless\b|\bhinder(s|ed)?\b/, say: 'unhealthy', where: EVERYWHERE, bad: 'hindered by' },
  { word: /\bledger\b/, say: 'changes', where: EVERYWHERE, bad: 'the ledger of a batch' },
  { word: /\banew\b|\b(comes?|came) again\b/, say: 'again, recreated, retried, redelivered', where: PROSE, bad: 'the batch comes again' },
  { word: /\b(go|goes|went|going) on\b/, say: 'continues, resumes', where: PROSE, bad: 'it goes on at 3' },
  { word: /\bg(i|a)ve(s|n)? up\b/, say: 'skipped, abandoned, expired', where: PROSE, bad: 'records are given up' },
  {
    word: /\b(for|so) (ever|long|many|often)\b/,
    say: 'unlimited, or the number by its name',
    where: PROSE,
    bad: 'after so long',
    allow: /how (long|many|often)/,
  },
  { word: /\b(we|us|ours?)\b/, say: 'Tocsin, the replica, the client', where: PROSE, bad: 'does not let us in' },
  { word: /\b(stands?|stood) (at|in|still|only|there)\b/, say: 'is at', where: PROSE, bad: 'the cursor stands at 3' },
  { word: /^(What|Who|Whose|Where)\b(?!.*\?$)/, say: 'the subject first', where: ['comments'], bad: 'What came late.' },
];

/** Names that other files or the HTTP API define. They leave this list when they are renamed there. */
const defined = {
  'src/cli/dlq.ts': /letter/,
  'src/cli/consumers.ts': /\bholds?\b/,
  'src/cli/replay.ts': /letters/,
};

const SQL = /\b(SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|CASE|SET|AND|PRAGMA|CREATE|ALTER)\b/;

/** The texts of a TypeScript or JavaScript file, each with its kind and the offset where it begins. */
function tokens(text) {
  const found = [];
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const add = (kind, value, at) => value && found.push({ kind, value, at });
  const visit = (node) => {
    if (ts.isImportDeclaration(node) && !node.importClause) return;
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) add('identifiers', words(node.text), node.getStart());
    else if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      if (/\s/.test(node.text) && !SQL.test(node.text)) add('strings', node.text.replace(/`[^`]*`/g, ''), node.getStart());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  for (const { value, at } of comments(text, source)) add('comments', value, at);
  return found;
}

/** `toldAt`, `told_at` and `TOLD_AT` as `told at`. */
const words = (name) =>
  name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/[_#$]+/g, ' ')
    .trim()
    .toLowerCase();

/** The comments of a file without their marks. Only trivia before a token is scanned, so that a string cannot pass for a comment. */
function comments(text, source) {
  const ranges = new Map();
  const visit = (node) => {
    for (const range of ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []) ranges.set(range.pos, range.end);
    for (const range of ts.getTrailingCommentRanges(text, node.getEnd()) ?? []) ranges.set(range.pos, range.end);
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [...ranges].map(([at, end]) => {
    const body = text.slice(at, end).replace(/^\/\*\*?|\*\/$|^\/\//g, '');
    return {
      at,
      value: body
        .replace(/^\s*\* ?/gm, '')
        .replace(/\s+/g, ' ')
        .replace(/`[^`]*`/g, '')
        .trim(),
    };
  });
}

/** Markdown without code, YAML and JSON: one text for each line. */
function lines(text, path) {
  const prose = path.endsWith('.md') ? text.replace(/^(```|~~~)[\s\S]*?^\1/gm, blank).replace(/`[^`\n]*`/g, blank) : text;
  let at = 0;
  return prose.split('\n').map((value) => {
    const line = { kind: 'docs', value, at };
    at += value.length + 1;
    return line;
  });
}

const blank = (code) => code.replace(/[^\n]/g, ' ');

/** The rules that a text breaks, with the word. */
function broken({ kind, value }) {
  return rules.flatMap(({ word, say, where, allow }) => {
    const text = allow ? value.replace(new RegExp(allow, 'gi'), '') : value;
    const flags = word.source.startsWith('^') ? '' : 'i';
    const [hit] = (where.includes(kind) && new RegExp(word, flags).exec(text)) || [];
    return hit === undefined ? [] : [{ hit, say }];
  });
}

/** Everything in a file that breaks a rule in force there, as `path:line: "word" …`. */
function violations(path, text) {
  const found = /\.(ts|mjs)$/.test(path) ? tokens(text) : lines(text, path);
  return found
    .filter(({ kind, value }) => inScope(path, kind) && !(kind === 'identifiers' && defined[path]?.test(value)))
    .flatMap(({ kind, value, at }) =>
      broken({ kind, value }).map(({ hit, say }) => `${path}:${text.slice(0, at).split('\n').length}: "${hit}" in ${kind}; say: ${say}\n`),
    );
}

const matches = (pattern, path) => (pattern.startsWith('*') ? path.endsWith(pattern.slice(1)) : path.startsWith(pattern));

function inScope(path, kind) {
  const patterns = scopes[kind];
  const excluded = patterns.some((each) => each.startsWith('!') && matches(each.slice(1), path));
  return !excluded && patterns.some((each) => !each.startsWith('!') && matches(each, path));
}

/** A scope that names no file checks nothing: the file was moved. */
function emptyScopes(paths) {
  const patterns = new Set(Object.values(scopes).flat());
  const empty = [...patterns].filter((each) => !paths.some((path) => matches(each.replace(/^!/, ''), path)));
  return empty.map((pattern) => `words: the scope ${pattern} matches no file\n`);
}

/** Rules that do not find their own sample, and kinds of text that are not found in a sample file: the check must be able to fail. */
function selfCheck() {
  const deaf = rules.flatMap(({ word, where, bad }) =>
    where.filter((kind) => broken({ kind, value: bad }).length === 0).map((kind) => `${word} (${kind})`),
  );
  const sample = "/** What was told. */\nconst toldAt = 'it was told'; // told\nconst sql = 'SELECT told FROM x'; const key = 'told';\n";
  const kinds = tokens(sample).flatMap((token) => (broken(token).length > 0 ? [token.kind] : []));
  const whole = kinds.sort().join() === 'comments,comments,identifiers,strings';
  return [
    ...deaf.map((rule) => `words: the rule ${rule} does not find its sample\n`),
    ...(whole ? [] : [`words: found only ${kinds.join()} in the sample\n`]),
  ];
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return /\.(ts|mjs|md|ya?ml|json)$/.test(entry.name) ? [path] : [];
  });
}

/** All violations in the repository, each as a line; empty when everything complies. */
export function bannedWords() {
  const folders = ['src', 'scripts', 'migrations', 'test', 'docs', 'deploy', 'examples'].map((name) => join(root, name));
  const documents = readdirSync(root).flatMap((name) => (name.endsWith('.md') ? [join(root, name)] : []));
  const absolute = [...folders.filter((folder) => statSync(folder, { throwIfNoEntry: false })).flatMap(files), ...documents];
  const paths = absolute.map((path) => relative(root, path).split(sep).join('/'));
  return [...selfCheck(), ...emptyScopes(paths), ...paths.flatMap((path) => violations(path, readFileSync(join(root, path), 'utf8')))];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = bannedWords();
  process.stdout.write(found.join(''));
  process.exitCode = found.length > 0 ? 1 : 0;
}
