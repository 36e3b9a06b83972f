import type { Kafka, Message, Producer } from 'kafkajs';

interface Entry {
  readonly topic: string;
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface ProducerOptions {
  readonly lingerMs: number;
  readonly compression: number;
}

const MOST_MESSAGES = 1000;
const MOST_BYTES = 1024 * 1024;

/**
 * An idempotent producer that owns some partitions and has one send in flight. With several in flight kafkajs can lose an acknowledged
 * message: after a lost answer another batch takes the same sequence numbers, and the broker takes it for a duplicate.
 */
export class KafkaProducer {
  #producer: Promise<Producer> | undefined;
  #waiting: Entry[] = [];
  #running: Promise<void> | undefined;
  #full: (() => void) | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly options: ProducerOptions,
  ) {}

  /** Resolves when every in-sync replica has the messages. Each message must name its partition. Order is kept. */
  async send(topic: string, messages: readonly Message[]): Promise<void> {
    await Promise.all(chunks(messages).map((chunk) => this.#enqueue(topic, chunk)));
  }

  #enqueue(topic: string, messages: readonly Message[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, messages, bytes: size(messages), resolve, reject });
      this.#running ??= this.#run();
      if (this.#waiting.length >= 100) this.#full?.();
    });
  }

  async #run(): Promise<void> {
    await this.#linger();
    while (this.#waiting.length > 0) await this.#sendNext();
    this.#running = undefined;
  }

  #linger(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.options.lingerMs);
      this.#full = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #sendNext(): Promise<void> {
    const entries = this.#take();
    try {
      const producer = await (this.#producer ??= this.#connect());
      const byTopic = new Map<string, Message[]>();
      for (const { topic, messages } of entries) {
        const list = byTopic.get(topic);
        if (list) list.push(...messages);
        else byTopic.set(topic, [...messages]);
      }
      await producer.sendBatch({
        acks: -1,
        compression: this.options.compression,
        topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
      });
      for (const { resolve } of entries) resolve();
    } catch (error) {
      // After a failed send nobody knows which sequence number the broker expects: a new producer starts a new sequence.
      this.#forget();
      for (const { reject } of entries) reject(error);
    }
  }

  /** The oldest entries that fit one request. kafkajs groups by partition in quadratic time, so the number of messages is bounded too. */
  #take(): Entry[] {
    let messages = 0;
    let bytes = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && (messages + entry.messages.length > 2 * MOST_MESSAGES || bytes + entry.bytes > 2 * MOST_BYTES)) break;
      messages += entry.messages.length;
      bytes += entry.bytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #connect(): Promise<Producer> {
    const producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, retry: { retries: 6 } });
    await producer.connect();
    return producer;
  }

  #forget(): void {
    const old = this.#producer;
    this.#producer = undefined;
    old?.then((producer) => producer.disconnect()).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#running;
    const producer = await this.#producer?.catch(() => undefined);
    await producer?.disconnect();
  }
}

const size = (messages: readonly Message[]): number =>
  messages.reduce((sum, { key, value }) => sum + (key?.length ?? 0) + (value?.length ?? 0) + 30, 0);

function chunks(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [];
  let current: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    const each = (message.value?.length ?? 0) + (message.key?.length ?? 0);
    if (current.length > 0 && (current.length >= MOST_MESSAGES || bytes + each > MOST_BYTES)) {
      all.push(current);
      current = [];
      bytes = 0;
    }
    current.push(message);
    bytes += each;
  }
  if (current.length > 0) all.push(current);
  return all;
}
