import type { Kafka } from 'kafkajs';
import errors from 'kafkajs/src/protocol/error.js';
import protocol from 'kafkajs/src/protocol/requests/index.js';
import { incrementalAlterConfigs } from '../protocol/incremental-alter-configs.client.js';

/** Kafka's numbers of the requests that we make ourselves. */
const keys = {
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  GroupCoordinator: 10,
  DescribeGroups: 15,
  ListGroups: 16,
  DescribeConfigs: 32,
  IncrementalAlterConfigs: 44,
} as const;
const definitions = { ...protocol.requests, IncrementalAlterConfigs: incrementalAlterConfigs };

export type RequestName = keyof typeof keys;

/** Whoever asks again soon need not wait long; but bytes may take their time. */
export const ANSWER_MS = 5000;
const FETCH_MS = 30_000;

interface Protocol {
  readonly request: object;
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
}

export interface Broker {
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    /** 1 is the one for Fetch, 0 the one for everything else. */
    getConnection(index: number): Promise<unknown>;
    send(request: Protocol & { logResponseError: boolean; requestTimeout: number }): Promise<unknown>;
  };
  lookupRequest(key: number, request: object): (fields: object) => Protocol;
  metadata(topics?: readonly string[]): Promise<unknown>;
  disconnect(): Promise<void>;
}

export interface Pool {
  readonly seedBroker: Broker | undefined;
  /** By node id. */
  readonly brokers: Readonly<Record<string, Broker>>;
  readonly metadata: Metadata | null;
  createBroker(options: object): Broker;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(topics: readonly string[]): Promise<void>;
  findBroker(which: { nodeId: number }): Promise<Broker>;
}

export interface PartitionMetadata {
  readonly partitionId: number;
  /** -1 where nobody leads. */
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

interface Metadata {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly PartitionMetadata[];
  }[];
}

/** The bytes of an answer are not what they should be, or compressed in a way that we do not know. */
export class Undecodable extends Error {}

/** Kafka's name for the number of an error. */
export const words = (errorCode: number): string => errors.createErrorFromCode(errorCode).type;

/** Sends a request and answers what came, errors of single partitions included. */
export function send(broker: Broker, name: RequestName, fields: object): Promise<unknown> {
  const { response, ...rest } = broker.lookupRequest(keys[name], definitions[name])(fields);
  const decode = async (bytes: Buffer): Promise<unknown> => {
    try {
      return await response.decode(bytes);
    } catch (error) {
      throw new Undecodable(error instanceof Error ? error.message : String(error));
    }
  };
  // kafkajs would throw the first error of any partition, and with it the answers about all others.
  return broker.connectionPool.send({
    ...rest,
    response: { decode, parse: (decoded) => Promise.resolve(decoded) },
    logResponseError: false,
    requestTimeout: name === 'Fetch' ? FETCH_MS : ANSWER_MS,
  });
}

/** The broker pool of a client, whose metadata requests tell errors instead of throwing them. */
export function poolOf(kafka: Kafka): Pool {
  const create = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  const make = create && (kafka as unknown as Record<symbol, ((options: object) => { brokerPool: Pool }) | undefined>)[create];
  if (!make) throw new Error('kafkajs has no private createCluster; pin version 2.2.4');
  const pool = make({ allowAutoTopicCreation: false }).brokerPool;
  const original = pool.createBroker.bind(pool);
  pool.createBroker = (options) => {
    const broker = original(options);
    broker.metadata = (topics = []) => send(broker, 'Metadata', { topics, allowAutoTopicCreation: false });
    return broker;
  };
  return pool;
}
