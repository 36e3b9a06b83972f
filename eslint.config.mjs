// What a compiler cannot see: lost promises, the clock and the environment in the wrong room, sizes, names. STYLE of the house is in CONTRIBUTING.md.

import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const ROOMS = '{access,sources,detect,alert,converge,notice,push,log,database,http,runtime,ops,shared}';
const TYPESCRIPT = ['src/**/*.ts', 'migrations/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'];
const TESTS = ['**/*.spec.ts', 'test/**/*.ts', 'bench/**/*.ts'];
const SCRIPTS = ['**/*.mjs', '**/*.cjs', '**/*.js'];

/** What Node gives to every script, as far as ours use it. */
const NODE = Object.fromEntries(
  'AbortController AbortSignal Buffer URL clearInterval clearTimeout console fetch module performance process require setImmediate setInterval setTimeout'
    .split(' ')
    .map((name) => [name, 'readonly']),
);

const lines = { skipBlankLines: true, skipComments: true };

/** Everywhere, in TypeScript and in scripts. */
const plainRules = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'no-constant-binary-expression': 'error',
  'no-fallthrough': 'error',
  'no-self-compare': 'error',
  'no-unreachable-loop': 'error',
  'no-unsafe-finally': 'error',
  'no-var': 'error',
  'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'anywhere' }],
  'object-shorthand': 'error',
  'prefer-const': 'error',
};

const typedRules = {
  // An injected class must stay a value import: in files with decorators the rule knows that and is silent.
  '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', ignoreRestSiblings: true }],
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNullish: true }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  // Its remedies do not always compile: an assertion may be what keeps a module name or an overload from being resolved.
  '@typescript-eslint/no-unnecessary-type-assertion': 'off',
  // A method that keeps the promise of its interface need not have something to wait for.
  '@typescript-eslint/require-await': 'off',
};

/** Selectors of what must not be written in src, for `no-restricted-syntax`; a file's list replaces that of a wider pattern. */
const names = ['ClassDeclaration', 'TSInterfaceDeclaration', 'TSTypeAliasDeclaration'].flatMap((declaration) => [
  {
    selector: `${declaration}[id.name=/(Manager|Helper|Util|Utils|Common|Base|Impl|Data|Info)$/]`,
    message: 'Name the thing by its domain word.',
  },
  { selector: `${declaration}[id.name=/^I[A-Z][a-z]/]`, message: 'No I prefix: name the thing by its domain word.' },
]);
const barrels = [{ selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that declares it.' }];
const moduleForm = [
  { selector: "MetaProperty[meta.name='import']", message: 'import.meta only in src/main.ts: tests load everything else as CommonJS.' },
  {
    selector: 'Program > ExpressionStatement > AwaitExpression, Program > VariableDeclaration > VariableDeclarator > AwaitExpression',
    message: 'Top-level await only in src/main.ts: tests load everything else as CommonJS.',
  },
];
const clock = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'Time is an argument.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time is an argument.' },
  { selector: "CallExpression[callee.object.name='performance'][callee.property.name='now']", message: 'Time is an argument.' },
  { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']", message: 'A decision is deterministic.' },
];

const restrictedSyntax = (...selectors) => ({ 'no-restricted-syntax': ['error', ...selectors.flat()] });

const unfinishedTests = ['it', 'test', 'describe'].flatMap((object) =>
  ['only', 'skip', 'todo'].map((property) => ({ object, property, message: 'Every test runs.' })),
);

export default defineConfig(
  { ignores: ['dist/', 'data/', 'coverage/', 'web/', 'node_modules/'] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: TYPESCRIPT,
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: { ...plainRules, ...typedRules, 'max-lines-per-function': ['error', { max: 40, ...lines }] },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 300, ...lines }],
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only src/config.ts reads the environment.' }],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'kafkajs', message: 'Only src/log/kafka knows the client.' },
            { name: 'node:process', importNames: ['env'], message: 'Only src/config.ts reads the environment.' },
          ],
        },
      ],
      ...restrictedSyntax(names, barrels, moduleForm),
    },
  },
  { files: [`src/${ROOMS}/**/!(*.*).ts`], rules: restrictedSyntax(names, barrels, moduleForm, clock) },
  { files: ['src/main.ts'], rules: restrictedSyntax(names, barrels) },
  { files: ['src/config.ts'], rules: { 'no-restricted-properties': 'off' } },
  // kafkajs declares as methods what are closures, made to be taken out of their object.
  { files: ['src/log/kafka/**/*.ts'], rules: { 'no-restricted-imports': 'off', '@typescript-eslint/unbound-method': 'off' } },
  {
    files: TESTS,
    rules: {
      'no-restricted-properties': ['error', ...unfinishedTests],
      'no-restricted-imports': 'off',
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      ...restrictedSyntax(barrels),
      // What a test reads from an answer is checked by its expectations.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  // A migration is a list of tables, however long.
  { files: ['migrations/**/*.ts'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: SCRIPTS,
    languageOptions: { globals: NODE },
    rules: { ...plainRules, 'no-undef': 'error', 'no-unused-vars': ['error', { caughtErrors: 'all' }] },
  },
  { files: ['scripts/**/*.mjs'], rules: { 'max-lines-per-function': ['error', { max: 40, ...lines }] } },
);
