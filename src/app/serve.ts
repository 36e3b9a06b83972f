import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule, consumerGroups, sandboxGroups } from '../app.module.js';
import type { Platform } from './platform.module.js';
import type { Config } from '../config.js';
import { migrate, openMysql, openSqlite } from '../database/connection.client.js';
import type { Database } from '../database/database.client.js';
import { lockFolder } from '../database/folder-lock.client.js';
import { configureHttp, createHttpAdapter } from '../http/http-server.service.js';
import { serveDocs } from '../http/openapi.service.js';
import { Consumers } from '../log/consuming/consumers.service.js';
import { EmbeddedLog } from '../log/embedded/embedded-log.service.js';
import { KafkaLog } from '../log/kafka/kafka-log.client.js';
import type { EventLog } from '../log/event-log.js';
import { newTopics } from '../log/new-topics.js';
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
  /** Where it listens, as http://host:port. */
  readonly url: string;
  /** What the records are, when this is a sandbox: it consumes them and sends nothing. */
  readonly sandbox?: Sandbox | undefined;
  /** Finishes what is under way, leaves the consumer groups, closes everything. */
  close(): Promise<void>;
}

/** Opens the database of the mode, brings its schema up to date. The second part of the answer closes it. */
export async function openDatabase(config: Config): Promise<{ database: Database; close: () => Promise<void> }> {
  if (config.mode === 'distributed') {
    const database = await untilConnected('database', () => openMysql(config.DATABASE_URL!, config.DATABASE_POOL));
    return { database, close: () => database.close() };
  }
  const unlock = await lockFolder(config.DATA_DIR, config.SQLITE_DRIVER);
  const database = await openSqlite(join(config.DATA_DIR, 'tocsin.db'), config.SQLITE_DRIVER);
  return {
    database,
    close: async () => {
      await database.close();
      unlock();
    },
  };
}

async function openLog(config: Config, database: Database): Promise<EventLog> {
  const log = config.mode === 'distributed' ? new KafkaLog(database, config) : new EmbeddedLog(database, config);
  const wanted = Object.values(topics).flatMap(({ name }) => newTopics(name, config));
  await untilConnected('log', async () => {
    await log.connect();
    await log.ensureTopics(wanted);
  });
  await warnOfLimits(
    log,
    wanted.map(({ name }) => name),
    config,
  );
  return log;
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

async function createApp(platform: Platform): Promise<NestFastifyApplication> {
  const { config } = platform;
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(platform), createHttpAdapter(config), {
    logger: new TocsinLogger(config),
    bodyParser: false,
    // What is wrong reaches those who called, as one sentence; Nest would end the process.
    abortOnError: false,
  });
  configureHttp(app, config);
  return app;
}

/**
 * The HTTP API without a server: nothing listens, consumes or does duties. For commands that must work while no replica runs.
 * Throws what {@link openDatabase} throws; that is T5003 in embedded mode while another process has the data folder.
 */
export async function openIdle(config: Config): Promise<Pick<Running, 'app' | 'close'>> {
  const { database, close: closeDatabase } = await openDatabase(config);
  await migrate(database);
  const log = config.mode === 'distributed' ? new KafkaLog(database, config) : new EmbeddedLog(database, config);
  await log.connect();
  const app = await createApp({ config, database, eventLog: log, idle: true });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return {
    app,
    close: async () => {
      await app.close();
      await log.close();
      await closeDatabase();
    },
  };
}

/** The stages of a sandbox work on what its log holds; nothing listens, and nothing leaves. */
export async function openSandbox(platform: Omit<Platform, 'idle'>): Promise<NestFastifyApplication> {
  const app = await createApp({ ...platform, idle: true });
  for (const group of sandboxGroups) app.connectMicroservice({ strategy: app.get(Consumers).server(group) });
  await app.init();
  await app.startAllMicroservices();
  return app;
}

/** Starts everything: schema, topics, stages, HTTP. Answers when it listens. In a folder that is a sandbox nothing leaves. */
export async function serve(settings: Config): Promise<Running> {
  const { database, close: closeDatabase } = await openDatabase(settings);
  await migrate(database);
  const sandbox = await readSandbox(database);
  const config = sandbox ? sandboxConfig(settings, settings.DATA_DIR) : settings;
  const log = await openLog(config, database);
  const release = async (): Promise<void> => {
    await log.close();
    await closeDatabase();
  };
  const app = await createApp({ config, database, eventLog: log, idle: sandbox !== undefined }).catch(async (error: unknown) => {
    // A start that fails lets go of what it has opened.
    await release();
    throw error;
  });
  measureHttp(app);
  if (config.DOCS) serveDocs(app);
  const consumers = app.get(Consumers);
  for (const group of sandbox ? sandboxGroups : consumerGroups(config)) app.connectMicroservice({ strategy: consumers.server(group) });
  // Nothing is delivered before every module is initialised.
  await app.init();
  await app.startAllMicroservices();
  await listen(app, config);
  return {
    app,
    url: await app.getUrl(),
    sandbox,
    close: async () => {
      await app.close();
      await release();
    },
  };
}
