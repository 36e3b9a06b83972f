import type { Kafka } from 'kafkajs';
import errors from 'kafkajs/src/protocol/error.js';
import protocol from 'kafkajs/src/protocol/requests/index.js';
import { apiKeys, type RequestName } from '../protocol/api-keys.js';
import { incrementalAlterConfigs } from '../protocol/incremental-alter-configs.client.js';
import { messageOf } from '../../../shared/error-message.js';

const definitions = { ...protocol.requests, IncrementalAlterConfigs: incrementalAlterConfigs };

/** Metadata requests are retried often, so their timeout is short; a fetch may transfer much data. */
export const REQUEST_TIMEOUT_MS = 5000;
const FETCH_TIMEOUT_MS = 30_000;

interface RequestProtocol {
  readonly request: object;
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
}

export interface KafkajsBroker {
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    /** Index 1 is the connection for Fetch, 0 the one for all other requests. */
    getConnection(index: number): Promise<unknown>;
    send(request: RequestProtocol & { logResponseError: boolean; requestTimeout: number }): Promise<unknown>;
  };
  lookupRequest(key: number, request: object): (fields: object) => RequestProtocol;
  metadata(topics?: readonly string[]): Promise<unknown>;
  disconnect(): Promise<void>;
}

export interface KafkajsBrokerPool {
  readonly seedBroker: KafkajsBroker | undefined;
  /** By node id. */
  readonly brokers: Readonly<Record<string, KafkajsBroker>>;
  readonly metadata: KafkajsMetadata | null;
  createBroker(options: object): KafkajsBroker;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(topics: readonly string[]): Promise<void>;
  findBroker(which: { nodeId: number }): Promise<KafkajsBroker>;
}

export interface PartitionMetadata {
  readonly partitionId: number;
  /** −1 while the partition has no leader. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

interface KafkajsMetadata {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly PartitionMetadata[];
  }[];
}

/** A response could not be decoded, or uses an unknown compression. */
export class DecodeError extends Error {}

/** Name of a Kafka error code. */
export const errorName = (errorCode: number): string => errors.createErrorFromCode(errorCode).type;

/** Sends a request and returns the decoded response, including errors of single partitions. */
export function sendRequest(broker: KafkajsBroker, name: RequestName, fields: object): Promise<unknown> {
  const { response, ...rest } = broker.lookupRequest(apiKeys[name], definitions[name])(fields);
  const decode = async (bytes: Buffer): Promise<unknown> => {
    try {
      return await response.decode(bytes);
    } catch (error) {
      throw new DecodeError(messageOf(error));
    }
  };
  // kafkajs would throw the first partition error and discard the results of all other partitions.
  return broker.connectionPool.send({
    ...rest,
    response: { decode, parse: (decoded) => Promise.resolve(decoded) },
    logResponseError: false,
    requestTimeout: name === 'Fetch' ? FETCH_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
  });
}

/** The broker pool of a client. Its metadata requests return errors of single topics instead of throwing them. */
export function brokerPoolOf(kafka: Kafka): KafkajsBrokerPool {
  const createCluster = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const makeCluster =
    createCluster && (kafka as unknown as Record<symbol, ((options: object) => { brokerPool: KafkajsBrokerPool }) | undefined>)[createCluster];
  if (!makeCluster) throw new Error('kafkajs has no private createCluster; pin version 2.2.4');
  const pool = makeCluster({ allowAutoTopicCreation: false }).brokerPool;
  const original = pool.createBroker.bind(pool);
  pool.createBroker = (options) => {
    const broker = original(options);
    broker.metadata = (topics = []) => sendRequest(broker, 'Metadata', { topics, allowAutoTopicCreation: false });
    return broker;
  };
  return pool;
}
