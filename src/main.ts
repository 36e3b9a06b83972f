#!/usr/bin/env node
import 'reflect-metadata';
import { Command } from 'commander';
import { commands } from './cli/commands.js';
import { loadConfig } from './config.js';
import { migrate } from './database/connection.client.js';
import { runServer } from './app/run-server.js';
import { existingSandbox } from './app/sandbox.js';
import { whileOpen } from './app/opened.js';
import { openDatabase } from './app/serve.js';
import { TocsinError } from './shared/errors.js';
import { version } from './shared/version.js';

const program = new Command('tocsin')
  .description('Alarm backend that loses no event, deduplicates notifications and explains every decision')
  .version(version);

program
  .command('serve', { isDefault: true })
  .description('run the server with all stages: Access, Detect, Alert, Converge, Notice')
  .option('--demo', 'load example strategies and run a demo scenario')
  .option('--port <port>', 'listen port (HTTP_PORT)')
  .option('--sandbox <folder>', 'inspect the result of `offsets replay`; no notifications are sent')
  .action(async ({ demo, port, sandbox }: { demo?: boolean; port?: string; sandbox?: string }) => {
    const config = loadConfig(port ? { HTTP_PORT: port } : {});
    return runServer(sandbox === undefined ? config : await existingSandbox(config, sandbox), demo ?? false);
  });

program
  .command('migrate')
  .description('apply pending database migrations and exit')
  .action(async () => {
    const done = await whileOpen(async (opened) => migrate(await openDatabase(loadConfig(), opened)));
    process.stdout.write(done.length > 0 ? `${done.join('\n')}\n` : 'database schema is up to date\n');
  });

for (const add of commands) add(program);

try {
  await program.parseAsync();
} catch (error) {
  // An error that the operator can act on is one line; anything else is a bug and is printed with its stack.
  process.stderr.write(
    error instanceof TocsinError ? `${error.code} ${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exit(1);
}
