import { Logger } from '@nestjs/common';
import kafkajs, { type Kafka, type LogEntry, type RetryOptions, type SASLOptions } from 'kafkajs';
import type { ClusterAccess } from '../../cluster.js';
import { registerCodecs } from '../protocol/codecs.client.js';
import { patchKafkajs } from '../protocol/kafkajs-patches.client.js';

const logger = new Logger('kafka');

// Explicit, because kafkajs has other defaults under NODE_ENV=test.
const DEFAULT_RETRY: RetryOptions = { initialRetryTime: 100, maxRetryTime: 3000, retries: 8 };

/** A kafkajs client with the patches, codecs and logging of Tocsin. */
export function kafkaClient({ brokers, tls, sasl }: ClusterAccess, clientId: string, retry = DEFAULT_RETRY, requestTimeout = 10_000): Kafka {
  patchKafkajs();
  registerCodecs();
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    ...(tls && { ssl: { ...tls, ...(tls.serverName && { servername: tls.serverName }) } }),
    // A copy, because kafkajs modifies it.
    ...(sasl && { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: 3000,
    requestTimeout,
    retry,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => logAtDebug,
  });
}

/** kafkajs logs retriable failures as errors; relevant ones arrive as events and rejections. */
function logAtDebug({ namespace, log }: LogEntry): void {
  const { message, error } = log as { message: string; error?: string };
  logger.debug(`${namespace}: ${message}${error ? ` (${error})` : ''}`);
}
