import { join } from 'node:path';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiOnlyModule, SandboxModule, ServerModule } from '../app.module.js';
import type { Config } from '../config.js';
import { migrate, openMysql, openSqlite } from '../database/connection.client.js';
import type { Database } from '../database/database.client.js';
import { lockFolder } from '../database/folder-lock.client.js';
import { configureHttp, createHttpAdapter } from '../http/http-server.service.js';
import { serveDocs } from '../http/openapi.service.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import { ConsumerGroups } from '../log/consuming/consumer-groups.service.js';
import { EventLog } from '../log/event-log.js';
import { newTopics } from '../log/new-topics.js';
import { type Opened, opening } from './opened.js';
import { untilConnected } from './until-connected.js';
import { warnOfLimits } from './warn-of-limits.js';
import { measureHttp } from '../runtime/http-metrics.service.js';
import { TocsinLogger } from '../runtime/logger.service.js';
import { TocsinError } from '../shared/errors.js';
import { readSandbox, type Sandbox, sandboxConfig } from './sandbox.js';
import { topics } from '../topics.js';

/** A running Tocsin. */
export interface Running {
  readonly app: NestFastifyApplication;
  /** Address of the HTTP server, as http://host:port. */
  readonly url: string;
  /** Origin of the records of a sandbox, which consumes them and sends nothing; undefined in an installation. */
  readonly sandbox?: Sandbox | undefined;
  /** Completes work in progress, leaves the consumer groups, releases all resources. */
  close(): Promise<void>;
}

/** Opens the database of the mode. Embedded mode locks the data directory until release: throws T5003 while another process has the lock. */
export async function openDatabase(config: Config, opened: Opened): Promise<Database> {
  if (config.mode === 'embedded') opened.add(await lockFolder(config.DATA_DIR, config.SQLITE_DRIVER));
  const database =
    config.mode === 'distributed'
      ? await untilConnected('database', () => openMysql(config.DATABASE_URL!, config.DATABASE_POOL))
      : await openSqlite(join(config.DATA_DIR, 'tocsin.db'), config.SQLITE_DRIVER);
  opened.add(() => database.close());
  return database;
}

async function connectLog(eventLog: EventLog, config: Config): Promise<void> {
  const wanted = Object.values(topics).flatMap(({ name }) => newTopics(name, config));
  await untilConnected('log', async () => {
    await eventLog.connect();
    await eventLog.ensureTopics(wanted);
  });
  await warnOfLimits(
    eventLog,
    wanted.map(({ name }) => name),
    config,
  );
}

async function listen(app: NestFastifyApplication, { HTTP_HOST, HTTP_PORT }: Config): Promise<void> {
  try {
    await app.listen(HTTP_PORT, HTTP_HOST);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    throw new TocsinError('T5001', `HTTP_HOST=${HTTP_HOST}, HTTP_PORT=${HTTP_PORT}: ${code === 'EADDRINUSE' ? 'port is already in use' : code}`);
  }
}

/** Creates the application of a role, not initialised yet and with a disconnected log. */
async function createApp(role: DynamicModule, config: Config, opened: Opened): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(role, createHttpAdapter(config), {
    logger: new TocsinLogger(config),
    bodyParser: false,
    // The caller reports the error in one sentence; by default Nest would end the process.
    abortOnError: false,
  });
  opened.add(() => app.get(EventLog).close());
  opened.add(() => app.close());
  configureHttp(app, config);
  return app;
}

/** Creates one transport for each consumer group that the modules of the role declare. */
function connectConsumers(app: NestFastifyApplication): void {
  const consumers = app.get(Consumers);
  for (const group of app.get(ConsumerGroups).all()) app.connectMicroservice({ strategy: consumers.server(group) });
}

/**
 * Opens the HTTP API without a server: no listener, no consumers, no background tasks. For commands that must work while no replica runs.
 * Throws the errors of {@link openDatabase}.
 */
export function openApiOnly(config: Config): Promise<Pick<Running, 'app' | 'close'>> {
  return opening(async (opened) => {
    const database = await openDatabase(config, opened);
    await migrate(database);
    const app = await createApp(ApiOnlyModule.with({ config, database }), config, opened);
    app.get(ConsumerGroups).refuseAll();
    await app.get(EventLog).connect();
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return { app, close: () => opened.release() };
  });
}

/** Creates the stages of a sandbox, which do not consume yet: without an HTTP listener and without deliveries. */
export async function createSandbox(config: Config, database: Database, opened: Opened): Promise<NestFastifyApplication> {
  const app = await createApp(SandboxModule.with({ config, database }), config, opened);
  connectConsumers(app);
  return app;
}

/** Starts everything: schema, topics, stages, HTTP. Resolves when the server listens. A sandbox in the data directory sends nothing. */
export function serve(settings: Config): Promise<Running> {
  return opening(async (opened) => {
    const database = await openDatabase(settings, opened);
    await migrate(database);
    const sandbox = await readSandbox(database);
    const config = sandbox ? sandboxConfig(settings, settings.DATA_DIR) : settings;
    const app = await createApp((sandbox ? SandboxModule : ServerModule).with({ config, database }), config, opened);
    if (!sandbox) app.get(ConsumerGroups).check();
    await connectLog(app.get(EventLog), config);
    measureHttp(app);
    if (config.DOCS) serveDocs(app);
    connectConsumers(app);
    // Nothing is delivered before every module is initialised.
    await app.init();
    await app.startAllMicroservices();
    await listen(app, config);
    return { app, url: await app.getUrl(), sandbox, close: () => opened.release() };
  });
}
