// The step `client` of `npm run check`: generates a typed client from docs/openapi.json and compiles one call of every route with it.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { capture, root } from './setup.mjs';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/** Routes that succeed with another status than 204 and no body, and why. */
const WITHOUT_BODY = {
  'post /api/v2/alerts': 'Alertmanager answers 200 without a body',
};

/** What {@link calls} uses: a call takes what its route declares, and answers what its route answers. */
const CLIENT = `import type { paths } from './api.js';

type Media<T> = T extends { content: infer C } ? C[keyof C] : undefined;
type Answers<T> = T extends { responses: infer R } ? { [S in keyof R]: S extends 'default' ? never : Media<R[S]> }[keyof R] : never;
type Names<T> = { [K in keyof T as T[K] extends undefined ? never : K]: T[K] };
type Body<T> = T extends { requestBody: infer B } ? { body: Media<B> } : T extends { requestBody?: infer B } ? (B extends undefined ? object : { body?: Media<B> }) : object;
type Input<T> = (T extends { parameters: infer P } ? Names<P> : object) & Body<T>;

declare function call<P extends keyof paths, M extends keyof paths[P]>(method: M, path: P, input: Input<paths[P][M]>): Answers<paths[P][M]>;
`;

/** Every operation of the document. */
export const operationsOf = ({ paths }) =>
  Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({ name: `${method} ${path}`, method, path, operation: item[method] })),
  );

/** What is wrong with an operation although its types compile; empty: nothing. */
export function problems({ name, path, operation }) {
  const successes = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
  const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name);
  const media = Object.entries(operation.requestBody?.content ?? {});
  return [
    ...(successes.length === 0 ? ['no response of success'] : []),
    ...successes.filter(([status, response]) => !answers(name, status, response)).map(([status]) => `response ${status} has no schema`),
    ...namesIn(path)
      .filter((each) => !declared.includes(each))
      .map((each) => `path parameter ${each} is not declared`),
    ...media.filter(([, content]) => exampleOf(content) === undefined).map(([type]) => `body ${type} has no example`),
  ].map((problem) => `${name}: ${problem}`);
}

function answers(name, status, { content }) {
  if (!content) return status === '204' || name in WITHOUT_BODY;
  return Object.values(content).every(({ schema }) => schema && Object.keys(schema).some((key) => key !== 'description'));
}

const namesIn = (path) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
const exampleOf = (content) => content.example ?? content.schema?.example;

/** One call of each operation, with the example of each of its bodies. */
export function calls(operations) {
  const lines = operations.flatMap(({ method, path, operation }) => {
    const media = Object.values(operation.requestBody?.content ?? {});
    const bodies = media.length > 0 ? media.map((content) => ({ body: exampleOf(content) })) : [{}];
    return bodies.map((body) => `call('${method}', '${path}', ${JSON.stringify({ ...required(operation), ...body })});\n`);
  });
  return `${CLIENT}\n${lines.join('')}`;
}

/** The parameters that a call cannot omit, by place and name. */
function required({ parameters = [] }) {
  const needed = parameters.filter((parameter) => parameter.required);
  return Object.fromEntries(
    [...new Set(needed.map((parameter) => parameter.in))].map((place) => [
      place,
      Object.fromEntries(needed.filter((parameter) => parameter.in === place).map(({ name, schema }) => [name, sample(schema)])),
    ]),
  );
}

const sample = ({ type, enum: allowed }) => allowed?.[0] ?? (type === 'integer' || type === 'number' ? 1 : 'x');

const COMPILER = {
  compilerOptions: { target: 'ES2023', lib: ['ES2023'], module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: [] },
  files: ['calls.ts'],
};

/** Answers exit code and output, as {@link capture}. */
export async function checkClient(document) {
  const operations = operationsOf(document);
  const wrong = operations.flatMap(problems);
  if (wrong.length > 0) return { code: 1, output: `${wrong.join('\n')}\n` };
  const folder = join(root, 'node_modules', '.cache', `tocsin-client-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    const types = astToString(await openapiTypescript(document, { defaultNonNullable: false }));
    const files = { 'api.ts': types, 'calls.ts': calls(operations), 'tsconfig.json': JSON.stringify(COMPILER) };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return await capture(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder, '--pretty', 'false']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { code, output } = await checkClient(JSON.parse(readFileSync(join(root, 'docs', 'openapi.json'), 'utf8')));
  process.stdout.write(output);
  process.exitCode = code;
}
