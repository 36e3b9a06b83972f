import type { Kafka } from 'kafkajs';
import { brokerPoolOf } from './broker-pool.client.js';
import { decodeProduceResponse, type ProduceResponse } from '../protocol/produce-request.js';
import { messageOf } from '../../../shared/error-message.js';

/** The parts of a kafkajs broker that a producer uses. */
interface ProducerBroker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    readonly pool: readonly { readonly socket?: { destroy(): void } }[];
    send(request: object): Promise<ProduceResponse>;
  };
  initProducerId(request: { transactionTimeout: number }): Promise<{ producerId: string }>;
  disconnect(): Promise<void>;
}

interface ProducerBrokerPool {
  readonly metadata: {
    readonly topicMetadata: readonly { topic: string; partitionMetadata: readonly { partitionId: number; leader: number }[] }[];
  } | null;
  hasConnectedBrokers(): boolean;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(topics: readonly string[]): Promise<void>;
  findBroker(at: { nodeId: number }): Promise<ProducerBroker>;
  removeBroker(at: { host: string; port: number }): void;
}

const PRODUCE_API_KEY = 0;
/** First version that allows every codec (Kafka 2.1). */
const PRODUCE_VERSION = 7;

/** The attempt failed before the request was sent. */
export class NotSentError extends Error {}

/** Connections to the leaders of the partitions that are published to. One attempt per call: retries are the caller's decision. */
export class LeaderConnections {
  readonly #pool: ProducerBrokerPool;
  readonly #leaders = new Map<string, number>();
  #closed = false;

  constructor(kafka: Kafka) {
    this.#pool = brokerPoolOf(kafka) as unknown as ProducerBrokerPool;
  }

  /** The last known leader of the partition. */
  leaderOf(topic: string, partition: number): number | undefined {
    return this.#leaders.get(`${topic} ${partition}`);
  }

  /** Refreshes the leaders of these topics. Rejects when no broker responds. */
  async refresh(topics: readonly string[]): Promise<void> {
    if (this.#closed) throw new Error('producer closed');
    if (!this.#pool.hasConnectedBrokers()) await this.#pool.connect();
    // An empty list would request all topics.
    if (topics.length === 0) return;
    await this.#pool.refreshMetadata(topics);
    for (const { topic, partitionMetadata } of this.#pool.metadata?.topicMetadata ?? []) {
      for (const { partitionId, leader } of partitionMetadata) {
        if (leader >= 0) this.#leaders.set(`${topic} ${partitionId}`, leader);
        else this.#leaders.delete(`${topic} ${partitionId}`);
      }
    }
  }

  /** Requests a producer id (InitProducerId). Rejects with {@link NotSentError}. */
  async producerId(leader: number): Promise<bigint> {
    const broker = await this.#connected(leader);
    try {
      return BigInt((await broker.initProducerId({ transactionTimeout: 60_000 })).producerId);
    } catch (error) {
      this.#dropConnections(broker);
      throw new NotSentError(messageOf(error));
    }
  }

  /** Rejects with {@link NotSentError} when the request was not sent, and with another error when its outcome is unknown. */
  async produce(leader: number, body: Buffer): Promise<ProduceResponse> {
    const broker = await this.#connected(leader);
    try {
      return await broker.connectionPool.send(produceProtocol(body));
    } catch (error) {
      this.#dropConnections(broker);
      throw error;
    }
  }

  async #connected(leader: number): Promise<ProducerBroker> {
    try {
      if (this.#closed) throw new Error('producer closed');
      const broker = await this.#pool.findBroker({ nodeId: leader });
      const version = broker.versions?.[PRODUCE_API_KEY]?.maxVersion ?? 0;
      if (version < PRODUCE_VERSION) throw new Error('broker is older than Kafka 2.1');
      return broker;
    } catch (error) {
      throw new NotSentError(messageOf(error));
    }
  }

  /** After a missing response the connection is unusable: kafkajs would parse the rest of that response as the next one. */
  #dropConnections(broker: ProducerBroker): void {
    const { host, port, pool } = broker.connectionPool;
    broker.disconnect().catch(() => undefined);
    for (const { socket } of pool) socket?.destroy();
    this.#pool.removeBroker({ host, port });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.disconnect();
  }
}

function produceProtocol(body: Buffer): object {
  return {
    request: {
      apiKey: PRODUCE_API_KEY,
      apiVersion: PRODUCE_VERSION,
      apiName: 'Produce',
      // Has the shape of a kafkajs encoder.
      encode: () => Promise.resolve({ buf: body, buffer: body, size: () => body.length }),
    },
    response: {
      decode: (payload: Buffer) => {
        const response = decodeProduceResponse(payload);
        return Promise.resolve({ ...response, clientSideThrottleTime: response.throttleMs });
      },
      parse: (response: ProduceResponse) => Promise.resolve(response),
    },
    logResponseError: false,
  };
}
