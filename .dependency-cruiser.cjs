// Who may import whom. The table is in CONTRIBUTING.md; `npm run check` says which line of it an import breaks.

/** In the order in which data flows. */
const STAGES = ['access', 'sources', 'detect', 'alert', 'converge', 'notice', 'push'];
/** From the ground up: each imports only what stands before it. */
const PLUMBING = ['shared', 'database', 'log', 'http', 'runtime', 'ops'];
const KINDS = [
  'module',
  'consumer',
  'controller',
  'service',
  'repository',
  'reader',
  'client',
  'decorator',
  'interceptor',
  'filter',
  'guard',
  'pipe',
];

const anyOf = (names) => `(?:${names.join('|')})`;
const stage = `^src/${anyOf(STAGES)}/`;
const spec = '\\.spec\\.ts$';
const kind = (...kinds) => `\\.${anyOf(kinds)}\\.ts$`;
const packages = (...names) => `^node_modules/${anyOf(names)}(?:/|$)`;
const source = { pathNot: spec };
const notOnlyTypes = { dependencyTypesNot: ['type-only'] };

/** Node's own modules that reach outside the process, or tell the time. */
const IO = [
  'fs',
  'fs/promises',
  'net',
  'tls',
  'dgram',
  'dns',
  'dns/promises',
  'http',
  'https',
  'http2',
  'child_process',
  'cluster',
  'worker_threads',
];
/** Packages that do, and those that bind a file to a framework. */
const BOUND = [
  '@nestjs',
  '@fastify',
  'fastify',
  'typeorm',
  'mysql2',
  'better-sqlite3',
  'libsql',
  'kafkajs',
  'undici',
  'prom-client',
  'commander',
  'rxjs',
];

const stageRules = STAGES.flatMap((name, place) => {
  const others = `^src/${anyOf(STAGES.filter((other) => other !== name))}/`;
  const earlier = STAGES.slice(0, place);
  // Sources are a second entrance of Access: what they read becomes events in the same way as a request.
  const entrance = name === 'sources' ? `|^src/access/.*(?<!\\.controller)\\.ts$` : '';
  const rule = (suffix, from, allowed) => ({
    name: `${name}-${suffix}`,
    comment: `Stages meet in topics. From another stage, ${name} may import only ${earlier.length ? `.${allowed.join(' and .')} files of ${earlier.join(', ')}, and types` : 'types'}.`,
    severity: 'error',
    from: { path: `^src/${name}/`, ...from },
    to: { path: others, ...(earlier.length && { pathNot: `^src/${anyOf(earlier)}/.*${kind(...allowed)}${entrance}` }), ...notOnlyTypes },
  });
  return [
    rule('reads-earlier-stages-only', { pathNot: `${kind('module')}|${spec}` }, ['reader']),
    // Nest gives a reader only to those who import the module it belongs to.
    { ...rule('module-imports-earlier-modules-only', {}, ['reader', 'module']), from: { path: `^src/${name}/.*${kind('module')}` } },
  ];
});

const pure = { path: `^src/${anyOf([...STAGES, ...PLUMBING])}/`, pathNot: '\\.[a-z-]+\\.ts$' };
const pureRules = [
  {
    name: 'plain-files-import-no-kind',
    comment: 'A file without a suffix is pure: it may know the types of services and repositories, never use them.',
    severity: 'error',
    from: pure,
    to: { path: `^src/.*${kind(...KINDS)}`, ...notOnlyTypes },
  },
  {
    name: 'plain-files-import-no-plumbing',
    comment:
      'A file without a suffix is pure: log, database, http, runtime, ops and settings reach it as arguments. The description of a table is made of pure parts.',
    severity: 'error',
    from: { ...pure, path: stage },
    to: {
      path: `^src/(?:${anyOf(PLUMBING.filter((room) => room !== 'shared'))}/|config\\.ts$)`,
      pathNot: '^src/database/(?:column|table)\\.ts$',
      ...notOnlyTypes,
    },
  },
  {
    name: 'plain-files-do-no-io',
    comment: 'A file without a suffix is pure: no package that reaches outside the process.',
    severity: 'error',
    from: pure,
    to: { path: `^${anyOf(IO)}$|${packages(...BOUND)}`, ...notOnlyTypes },
  },
];

const layerRules = [
  {
    name: 'services-know-no-transport-and-no-orm',
    comment: 'A service is the sequence: load, decide, publish, save. Consumers and controllers call it; repositories speak SQL.',
    severity: 'error',
    from: { path: `${stage}.*${kind('service')}` },
    to: { path: `${kind('consumer', 'controller')}|${packages('typeorm', 'mysql2', 'kafkajs', 'fastify', '@nestjs/microservices')}` },
  },
  {
    name: 'edges-know-no-tables',
    comment: 'Consumers and controllers call their service and readers; repositories are behind these.',
    severity: 'error',
    from: { path: `${stage}.*${kind('consumer', 'controller')}` },
    to: { path: `${kind('repository')}|^src/database/|${packages('typeorm', 'mysql2', 'kafkajs')}`, ...notOnlyTypes },
  },
  {
    name: 'repositories-know-no-transport',
    comment: 'Repositories and readers speak SQL and nothing else.',
    severity: 'error',
    from: { path: `${stage}.*${kind('repository', 'reader')}` },
    to: {
      path: `${kind('consumer', 'controller', 'service', 'module')}|^src/(?:log|http)/|${packages('kafkajs', 'fastify', 'undici', '@nestjs/microservices')}`,
      ...notOnlyTypes,
    },
  },
];

const roomRules = [
  {
    name: 'plumbing-knows-no-stage',
    comment: 'log, database, http, runtime, ops and shared serve every stage and know none.',
    severity: 'error',
    from: { path: `^src/${anyOf(PLUMBING)}/`, ...source },
    to: { path: stage },
  },
  ...PLUMBING.map((name, floor) => ({
    name: `${name}-imports-downwards`,
    comment: `The plumbing stands on itself from the ground up (${PLUMBING.join(', ')}); ${name} imports only what stands before it.`,
    severity: 'error',
    from: { path: `^src/${name}/`, ...source },
    to: { path: `^src/${anyOf([...PLUMBING.slice(floor + 1), '-'])}/` },
  })),
  {
    name: 'rooms-do-not-know-the-house',
    comment: 'What puts the stages together (main, app, cli, demo) knows them; they do not know it.',
    severity: 'error',
    from: { path: `^src/${anyOf([...STAGES, ...PLUMBING])}/`, ...source },
    to: { path: '^src/(?:[^/]+|(?:app|demo|cli)/.*)\\.ts$', pathNot: '^src/(?:topics|config)\\.ts$' },
  },
  {
    name: 'shared-is-the-ground',
    comment: 'shared is what everybody may import, so it imports nobody; topics.ts and config.ts stand on it.',
    severity: 'error',
    from: { path: '^src/(?:shared/|(?:topics|config)\\.ts$)', ...source },
    to: { path: '^src/', pathNot: '^src/shared/' },
  },
  {
    name: 'typeorm-stays-with-the-database',
    comment: 'typeorm only in .repository and .reader files, in src/database and in migrations.',
    severity: 'error',
    from: { path: '^src/', pathNot: `${kind('repository', 'reader')}|^src/database/|${spec}` },
    to: { path: packages('typeorm') },
  },
  {
    name: 'migrations-know-tables-only',
    comment: 'A migration is made of the descriptions of tables (*-table.ts of any room) and of src/database.',
    severity: 'error',
    from: { path: '^migrations/' },
    to: { path: '^src/', pathNot: '^src/database/|-tables?\\.ts$' },
  },
  ...[
    ['protocol', 'protocol'],
    ['connection', 'protocol|connection'],
    ['producer|consumer|reader|admin', 'protocol|connection|$1'],
  ].map(([from, allowed]) => ({
    name: `kafka-${from.split('|')[0]}-imports-downwards`,
    comment: 'In src/log/kafka: protocol, connection, then producer, consumer, reader and admin side by side, then the files that compose them.',
    severity: 'error',
    from: { path: `^src/log/kafka/(${from})/`, ...source },
    to: { path: '^src/log/kafka/', pathNot: `^src/log/kafka/(?:${allowed})/` },
  })),
  {
    name: 'kafkajs-stays-in-its-room',
    comment: 'kafkajs and its codecs only in src/log/kafka.',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/log/kafka/' },
    to: { path: packages('kafkajs', 'kafkajs-snappy', '@bokuweb/zstd-wasm') },
  },
  {
    name: 'no-barrels',
    comment: 'Import from the file that declares the thing; an index.ts hides where it lives.',
    severity: 'error',
    from: {},
    to: { path: '^(?:src|test|migrations|bench)/(?:|.*/)index\\.ts$' },
  },
  {
    name: 'no-cycles',
    comment: 'Two files that need each other are one thing, or lack a third.',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'product-does-not-need-tests',
    severity: 'error',
    from: { path: '^(?:src|migrations)/', ...source },
    to: { path: `^(?:test|bench|scripts)/|${spec}` },
  },
  {
    name: 'product-does-not-need-dev-dependencies',
    severity: 'error',
    from: { path: '^(?:src|migrations)/', ...source },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
  },
  { name: 'imports-exist', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^(?:better-sqlite3|libsql)$' } },
  {
    name: 'nothing-lies-unused',
    comment: 'A file that the binary does not reach is dead.',
    severity: 'error',
    from: { path: '^src/main\\.ts$' },
    to: { path: '^src/', pathNot: `${spec}|\\.d\\.ts$`, reachable: false },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [...stageRules, ...pureRules, ...layerRules, ...roomRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(?:dist|web|coverage|data)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};
