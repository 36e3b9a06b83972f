// Nest 12 is ESM only; jest runs everything as CommonJS, packages included, because native ESM breaks on packages that require Nest.
const module_ = { type: 'commonjs' };
const typescript = [
  '@swc/jest',
  {
    swcrc: false,
    module: module_,
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    },
  },
];
const javascript = ['@swc/jest', { swcrc: false, module: module_, jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } } }];

const esmOnly = ['@nestjs', 'file-type', 'uint8array-extras', 'token-types', 'strtok3', '@tokenizer', '@borewit', 'uid', 'iterare', 'path-to-regexp'];

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test', '<rootDir>/migrations'],
  testRegex: '\\.spec\\.ts$',
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': typescript, '^.+\\.m?js$': javascript },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  // More than a wait in a test takes at most, so that what was awaited in vain is told.
  testTimeout: 120_000,
};
