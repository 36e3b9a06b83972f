import type { Database } from '../../src/database/database.client.js';
import type { EventLog } from '../../src/log/event-log.js';
import type { Feeds } from './feeds.js';
import type { PoisonRecord } from './poison.js';
import type { Replica } from './replica.js';

export type Mode = 'embedded' | 'distributed';

/** The insides of an installation, as an onlooker sees them. */
export interface Insides {
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly feeds?: Feeds;
}

/** An installation of the real binary that can be killed, fed past Access, and looked into. */
export interface Installation {
  readonly mode: Mode;
  readonly replicas: readonly Replica[];
  /** Foreign topics that it reads; absent where there is no Kafka. */
  readonly feeds?: Feeds;
  /** Puts a record into raw_events past Access: at once, or while nobody runs. */
  publish(record: PoisonRecord): Promise<void>;
  /** To be called when every replica is dead, before one is started again. */
  whileDead(): Promise<void>;
  /** Opens the insides for the time of the work. */
  inspect<T>(work: (insides: Insides) => Promise<T>): Promise<T>;
  /** Removes everything: data, topics, processes. */
  close(): Promise<void>;
}

export interface InstallationOptions {
  readonly binary: string;
  /** Folder for the logs of the replicas. */
  readonly folder: string;
}

/** Times of Converge and Notice in the crash test (ms). */
export const GROUP_WAIT_MS = 300;
export const GROUP_INTERVAL_MS = 1500;
/** A record of the workload is smaller, the largest poison larger. */
export const MAX_RECORD_BYTES = 400_000;

/** Everything quick and in small portions, so that a kill has much to hit. */
export const settings: Readonly<Record<string, string>> = {
  HTTP_PORT: '0',
  LOG_FORMAT: 'json',
  LOG_LEVEL: 'info',
  DOCS: 'false',
  TICK_MS: '250',
  BATCH_RECORDS: '50',
  DETECT_BATCH_RECORDS: '20',
  DETECT_COMMIT_MS: '200',
  DETECT_CHECKPOINT_MS: '700',
  MAX_RECORD_BYTES: String(MAX_RECORD_BYTES),
  GROUP_WAIT_MS: String(GROUP_WAIT_MS),
  GROUP_INTERVAL_MS: String(GROUP_INTERVAL_MS),
  STORM_THRESHOLD: '40',
  STORM_WINDOW_MS: '3000',
  NOTICE_TIMEOUT_MS: '5000',
  // One receiver, one delivery at a time: a kill can make one notice come twice, and no more.
  NOTICE_CONCURRENCY: '1',
  NOTICE_RETRY_MS: '50',
  NOTICE_RETRY_MAX_MS: '500',
  LEASE_MS: '3000',
  SOURCES_RECONCILE_MS: '1000',
};
