import type { Config } from '../config.js';
import type { Database } from '../database/database.client.js';
import { EmbeddedLog } from './embedded/embedded-log.service.js';
import type { EventLog } from './event-log.js';
import { KafkaLog } from './kafka/kafka-log.client.js';

/** The event log of the mode, not connected yet. */
export const eventLogOf = (config: Config, database: Database): EventLog =>
  config.mode === 'distributed' ? new KafkaLog(database, config) : new EmbeddedLog(database, config);
