import type { Producer, ProducerBatch } from 'kafkajs';
import { cursorGroup } from '../../src/access/registry/source.js';
import type { TopicPartition } from '../../src/log/event-log.js';
import { murmur2Partition } from '../../src/log/partitioner.js';
import { ForeignCluster } from '../support/foreign-cluster.js';
import { businesses } from './families.js';
import type { SentEvent } from './workload.js';

/** An event in a foreign topic. It has no id, so that the source must make one; the mark stands in its `raw_data`. */
export interface FedEvent {
  readonly mark: string;
  readonly business: string;
}

/** A record of a foreign topic, as its cluster has acknowledged it. */
export interface FedRecord extends TopicPartition {
  readonly offset: number;
  readonly value: Buffer | null;
  /** None: it can never work. */
  readonly events: readonly FedEvent[];
}

/** Where a partition ends that the group must have read. */
export interface End extends TopicPartition {
  readonly group: string;
  readonly end: number;
}

interface Feed {
  readonly name: string;
  readonly mode: 'subscribe' | 'assign';
  readonly topic: string;
  readonly business: string;
}

type Unwritten = Omit<FedRecord, 'offset'>;

const PARTITIONS = 3;
/** Small records, so that a kill finds many of them under way. */
const EVENTS_PER_RECORD = 20;

/** Topics of other people into which a part of the load is written, and the sources that read them: one in each mode, each with a business of its own. */
export class Feeds {
  readonly written: FedRecord[] = [];
  readonly #cluster: ForeignCluster;
  readonly #producer: Producer;
  readonly #feeds: readonly Feed[];
  #marks = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param prefix of the topics' names */
  constructor(
    private readonly brokers: readonly string[],
    prefix: string,
  ) {
    this.#cluster = new ForeignCluster({ brokers });
    // A record whose confirmation was lost must not stand there twice: as two records it would rightly be two events.
    this.#producer = this.#cluster.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    this.#feeds = [
      { name: 'subscribed', mode: 'subscribe', topic: `${prefix}subscribed`, business: businesses[6]! },
      { name: 'assigned', mode: 'assign', topic: `${prefix}assigned`, business: businesses[5]! },
    ];
  }

  async open(): Promise<void> {
    for (const { topic } of this.#feeds) await this.#cluster.aTopic(PARTITIONS, topic);
    await this.#producer.connect();
  }

  async close(): Promise<void> {
    await this.#producer.disconnect();
    await this.#cluster.close();
  }

  /** The sources as they are declared. */
  sources(): object[] {
    return this.#feeds.map(({ name, mode, topic }) => ({
      name,
      kind: 'kafka',
      cluster: { brokers: this.brokers },
      topics: [topic],
      mode,
      start: 'earliest',
    }));
  }

  takes(business: string): boolean {
    return this.#feeds.some((feed) => feed.business === business);
  }

  /** Writes events of businesses that {@link takes} has; resolves when their cluster has them. What one strategy looks at stays in order. */
  send(events: readonly SentEvent[]): Promise<void> {
    const places = new Map<string, TopicPartition & { events: SentEvent[] }>();
    for (const event of events) {
      const { topic } = this.#feeds.find(({ business }) => business === event.bk_biz_id)!;
      const partition = murmur2Partition(nameOf(event), PARTITIONS);
      const place = places.get(`${topic}/${partition}`) ?? { topic, partition, events: [] };
      place.events.push(event);
      places.set(`${topic}/${partition}`, place);
    }
    return this.#write([...places.values()].flatMap((place) => this.#records(place)));
  }

  #records({ topic, partition, events }: TopicPartition & { events: readonly SentEvent[] }): Unwritten[] {
    const records: Unwritten[] = [];
    for (let start = 0; start < events.length; start += EVENTS_PER_RECORD) {
      const marked = events.slice(start, start + EVENTS_PER_RECORD).map((event) => ({ mark: `fed-${this.#marks++}`, event }));
      const value = marked.map(({ mark, event: { event_id: _, raw_data, ...event } }) => ({ ...event, raw_data: { ...raw_data, mark } }));
      const fed = marked.map(({ mark, event }) => ({ mark, business: event.bk_biz_id }));
      records.push({ topic, partition, value: Buffer.from(JSON.stringify(value)), events: fed });
    }
    return records;
  }

  /** Writes what can never work; every topic has its turn. */
  poison(value: Buffer | null): Promise<void> {
    const { topic } = this.#feeds[this.written.length % this.#feeds.length]!;
    return this.#write([{ topic, partition: this.written.length % PARTITIONS, value, events: [] }]);
  }

  /** One request at a time: only then an idempotent producer of kafkajs loses nothing. */
  #write(records: readonly Unwritten[]): Promise<void> {
    return (this.#writing = this.#writing.then(async () => {
      const answers = await this.#producer.sendBatch(batchOf(records));
      for (const { topicName, partition, baseOffset } of answers) {
        const own = records.filter((record) => record.topic === topicName && record.partition === partition);
        own.forEach((record, index) => this.written.push({ ...record, offset: Number(baseOffset) + index }));
      }
    }));
  }

  /** Where the written partitions end. */
  ends(): End[] {
    const ends = new Map(this.written.map(({ topic, partition, offset }) => [`${topic}/${partition}`, { topic, partition, end: offset + 1 }]));
    return [...ends.values()].map((end) => ({ ...end, group: cursorGroup(this.#feeds.find(({ topic }) => topic === end.topic)!.name) }));
  }
}

/** What the strategies' queries go by. */
function nameOf({ event_source, raw_data }: SentEvent): string {
  const { metric, event_name: event } = raw_data as { metric?: string; event_name?: string };
  return metric ?? event ?? event_source;
}

function batchOf(records: readonly Unwritten[]): ProducerBatch {
  const named = [...new Set(records.map(({ topic }) => topic))];
  return {
    topicMessages: named.map((topic) => ({
      topic,
      messages: records.filter((record) => record.topic === topic).map(({ partition, value }) => ({ partition, value })),
    })),
  };
}
