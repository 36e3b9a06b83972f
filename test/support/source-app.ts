import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AccessModule } from '../../src/access/access.module.js';
import { SourceReconciler } from '../../src/sources/source-reconciler.service.js';
import { type SourceChange, SourceService } from '../../src/sources/source.service.js';
import { SourcesModule } from '../../src/sources/sources.module.js';
import { SourceStateService } from '../../src/sources/source-state.service.js';
import { type Config, parseConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.client.js';
import { configureHttp, createHttpAdapter } from '../../src/http/http-server.service.js';
import { CursorRepository } from '../../src/log/cursor.repository.js';
import { EmbeddedLog } from '../../src/log/embedded/embedded-log.service.js';
import { KafkaLog } from '../../src/log/kafka/kafka-log.client.js';
import type { EventLog, LogRecord } from '../../src/log/event-log.js';
import type { RawEvent } from '../../src/topics.js';
import { compose, type Parts } from './compose.js';
import { aMysql, aSqlite, type TestDatabase } from './database.js';
import { Client } from './tocsin.js';
import { person } from '../../src/shared/actor.js';

/** Access alone, as one replica: its doors, its sources, nobody who reads raw_events. */
export interface SourceApp {
  readonly app: NestFastifyApplication;
  readonly config: Config;
  readonly client: Client;
  readonly sources: SourceService;
  readonly consumers: SourceReconciler;
  readonly states: SourceStateService;
  readonly cursors: CursorRepository;
  close(): Promise<void>;
}

/** A database and a log, and the replicas that work on them. */
export interface SourceSite {
  readonly database: Database;
  readonly eventLog: EventLog;
  replica(settings?: Record<string, string>): Promise<SourceApp>;
  /** Every event in raw_events, by its partition, in order. */
  events(): Promise<RawEvent[][]>;
  deadLetters(): Promise<LogRecord[]>;
  close(): Promise<void>;
}

const PARTITIONS = 3;

/** With which one changes a source. */
export const byTest = (): SourceChange => ({ actor: person('test'), now: Date.now() });

/** Kafka at KAFKA_BROKERS and a fresh schema at DATABASE_URL. */
export const aDistributedSite = (): Promise<SourceSite> => aSite(aMysql, 'distributed');
/** SQLite. */
export const anEmbeddedSite = (): Promise<SourceSite> => aSite(aSqlite, 'embedded');

async function aSite(open: () => Promise<TestDatabase>, mode: Config['mode']): Promise<SourceSite> {
  const { database, close } = await open();
  const prefix = `s${randomBytes(4).toString('hex')}.`;
  const distributed = mode === 'distributed';
  const settings = {
    ...(distributed && { KAFKA_BROKERS: process.env['KAFKA_BROKERS'], DATABASE_URL: process.env['DATABASE_URL'] }),
    DATA_DIR: mkdtempSync(join(tmpdir(), 'tocsin-sources-')),
    TOPIC_PREFIX: prefix,
    GROUP_PREFIX: prefix.slice(0, -1),
    SECRET_KEY: 'ab'.repeat(32),
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    KAFKA_HEARTBEAT_INTERVAL_MS: '300',
    KAFKA_METADATA_MAX_AGE_MS: '500',
    LEASE_MS: '1500',
    SOURCES_RECONCILE_MS: '500',
    SOURCES_COMMIT_MS: '50',
    LOG_LEVEL: 'error',
  };
  const openLog = (config: Config): EventLog => (distributed ? new KafkaLog(database, config) : new EmbeddedLog(database, config));
  const log = openLog(parseConfig({ ...settings, INSTANCE_ID: 'site' }));
  await log.connect();
  await log.ensureTopics(['raw_events', 'raw_events.dlq'].map((name) => ({ name, partitions: PARTITIONS })));
  const [rawEvents, deadLetters] = [new TopicReader(log, 'raw_events'), new TopicReader(log, 'raw_events.dlq')];
  let count = 0;
  return {
    database,
    eventLog: log,
    replica: async (more = {}) => {
      const config = parseConfig({ ...settings, INSTANCE_ID: `replica-${++count}`, ...more });
      if (!distributed) return aReplica({ config, database, eventLog: log }, async () => {});
      const own = openLog(config);
      await own.connect();
      return aReplica({ config, database, eventLog: own }, () => own.close());
    },
    events: async () => (await rawEvents.records()).map(eventsOf),
    deadLetters: async () => (await deadLetters.records()).flat(),
    close: async () => {
      await log.close();
      await close();
      rmSync(settings.DATA_DIR, { recursive: true, force: true });
    },
  };
}

async function aReplica(parts: Parts, closeLog: () => Promise<void>): Promise<SourceApp> {
  const { config } = parts;
  const composed = await compose(parts, { imports: [AccessModule, SourcesModule] });
  const app = composed.createNestApplication<NestFastifyApplication>(createHttpAdapter(config), { logger: ['error'], bodyParser: false });
  configureHttp(app, config);
  await app.listen(0, '127.0.0.1');
  return {
    app,
    config,
    client: new Client(await app.getUrl()),
    sources: app.get(SourceService),
    consumers: app.get(SourceReconciler),
    states: app.get(SourceStateService),
    cursors: app.get(CursorRepository),
    close: async () => {
      await app.close();
      await closeLog();
    },
  };
}

/** What stands in a topic of ours; what was read once is not read again. */
class TopicReader {
  readonly #seen = Array.from({ length: PARTITIONS }, (): LogRecord[] => []);
  #reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly eventLog: EventLog,
    private readonly topic: string,
  ) {}

  async records(): Promise<readonly (readonly LogRecord[])[]> {
    this.#reading = this.#reading.then(() => this.#readMore());
    await this.#reading;
    return this.#seen;
  }

  async #readMore(): Promise<void> {
    for (const { partition, high } of await this.eventLog.offsets(this.topic)) {
      const seen = this.#seen[partition]!;
      const from = (seen.at(-1)?.offset ?? -1) + 1;
      for await (const slice of this.eventLog.read({ topic: this.topic, partition }, from, high)) seen.push(...slice);
    }
  }
}

function eventsOf(records: readonly LogRecord[]): RawEvent[] {
  return records.flatMap(({ value }) => {
    const read = JSON.parse(String(value)) as RawEvent | { events: RawEvent[] };
    return 'events' in read ? (read.events as RawEvent[]) : [read];
  });
}
