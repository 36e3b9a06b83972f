import { setTimeout as delay } from 'node:timers/promises';
import { TocsinError } from '../../../shared/errors.js';
import type { Brokers, Leaders } from '../connection/brokers.client.js';
import { words } from '../connection/broker-pool.client.js';
import { byPartition, grouped } from '../protocol/grouped.js';

/** A leader that was just elected refuses for a moment, and metadata tells of it before it knows itself. */
const TRIES = 5;
/** Nobody waits longer (ms) for brokers that do not answer. */
const PATIENCE_MS = 10_000;

const BEGINNING = -2;
const END = -1;

export interface Bounds {
  /** Offset of the oldest record that is there. */
  readonly low: number;
  /** Offset that the next record will get. */
  readonly high: number;
}

interface Asked {
  /** Epoch ms, {@link BEGINNING} or {@link END}. */
  readonly timestamp: number;
  /** Of this partition only. */
  readonly partition?: number | undefined;
  readonly committed?: boolean;
}

interface Led {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
}

interface Listed {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** By topic and partition. */
type Found = Map<string, Map<number, number>>;

/** Where partitions begin and end, and where in them a time is; asked of their leaders, again where one is only just becoming it. */
export class OffsetLookup {
  constructor(private readonly brokers: Brokers) {}

  /**
   * By partition in ascending order, the offset of the first record at or after `timestamp` (epoch ms; -1 is the end, -2 the beginning); -1 when there is none.
   * `committed`: the end is where open transactions begin, which is as far as a fetch can read. Throws T7001-T7005 unless every partition answers.
   */
  async at(topic: string, timestamp: number, asked: Omit<Asked, 'timestamp'> = {}): Promise<ReadonlyMap<number, number>> {
    const { found, problem } = await this.#ask([topic], { ...asked, timestamp });
    if (problem) throw problem;
    return found.get(topic) ?? new Map();
  }

  /** The bounds of all partitions of these topics, in ascending order; those for which nobody answers are absent. */
  async bounds(topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, Bounds>>> {
    const [low, high] = await Promise.all([BEGINNING, END].map(async (timestamp) => (await this.#ask(topics, { timestamp })).found));
    const both = (topic: string): [number, Bounds][] =>
      [...(low!.get(topic) ?? [])].flatMap(([partition, first]) => {
        const end = high!.get(topic)?.get(partition);
        return end === undefined ? [] : [[partition, { low: first, high: end }]];
      });
    return new Map(topics.map((topic) => [topic, new Map(both(topic))]));
  }

  async #ask(topics: readonly string[], asked: Asked): Promise<{ readonly found: Found; readonly problem: TocsinError | undefined }> {
    const found: Found = new Map();
    const until = Date.now() + PATIENCE_MS;
    for (let tries = 1; ; tries++) {
      const problem = await this.#try(topics, asked, tries, found);
      if (!problem || tries === TRIES || Date.now() > until) return { found: ascending(found), problem };
      await delay(100 * tries);
    }
  }

  /** Fills `found`; answers why it could not, where another try may help. */
  async #try(topics: readonly string[], asked: Asked, tries: number, found: Found): Promise<TocsinError | undefined> {
    try {
      const leaders = await this.#leaders(topics, asked.partition === undefined || tries > 1);
      const open = ledIn(leaders, asked.partition).filter(({ topic, partition }) => !found.get(topic)?.has(partition));
      const nodes = grouped(open, ({ leader }) => leader);
      const problems = await Promise.all([...nodes].map(([node, own]) => this.#askNode(node, own, asked, found)));
      return missing(topics, leaders, asked.partition) ?? problems.find((problem) => problem !== undefined);
    } catch (error) {
      return passing(error);
    }
  }

  async #leaders(topics: readonly string[], fresh: boolean): Promise<ReadonlyMap<string, Leaders>> {
    const [topic, ...others] = topics;
    return others.length > 0 ? this.brokers.topics(topics) : new Map([[topic!, await this.brokers.leaders(topic!, { fresh })]]);
  }

  /** What one broker answers does not depend on whether others do. */
  async #askNode(node: number, own: readonly Led[], { timestamp, committed = false }: Asked, found: Found): Promise<TocsinError | undefined> {
    if (node < 0) return new TocsinError('T7004', `${own[0]!.topic}: partition ${own[0]!.partition} has no leader`);
    const topics = [...grouped(own, ({ topic }) => topic)].map(([topic, all]) => ({
      topic,
      partitions: all.map(({ partition }) => ({ partition, timestamp: String(timestamp) })),
    }));
    try {
      const { responses } = (await this.brokers.ask(node, 'ListOffsets', { isolationLevel: committed ? 1 : 0, topics })) as Listed;
      return take(responses, found);
    } catch (error) {
      return passing(error);
    }
  }
}

const ascending = (found: Found): Found => new Map([...found].map(([topic, own]) => [topic, byPartition(own)]));

const ledIn = (leaders: ReadonlyMap<string, Leaders>, only: number | undefined): Led[] =>
  [...leaders].flatMap(([topic, all]) =>
    [...all].flatMap(([partition, leader]) => (only === undefined || only === partition ? [{ topic, partition, leader }] : [])),
  );

function missing(topics: readonly string[], leaders: ReadonlyMap<string, Leaders>, only: number | undefined): TocsinError | undefined {
  const absent = topics.find((topic) => !leaders.has(topic));
  if (absent !== undefined) return new TocsinError('T7005', absent);
  const [topic] = topics;
  return only === undefined || leaders.get(topic!)!.has(only) ? undefined : new TocsinError('T7005', `${topic} has no partition ${only}`);
}

function take(responses: Listed['responses'], found: Found): TocsinError | undefined {
  let problem: TocsinError | undefined;
  for (const { topic, partitions } of responses) {
    const own = found.get(topic) ?? new Map<number, number>();
    found.set(topic, own);
    for (const { partition, errorCode, offset } of partitions) {
      if (errorCode === 0) own.set(partition, Number(offset));
      else problem ??= new TocsinError('T7004', `${topic}/${partition}: ${words(errorCode)}`);
    }
  }
  return problem;
}

/** Answers the problem that may pass by itself: a broker that does not answer, a topic that is not known yet. Throws every other. */
function passing(error: unknown): TocsinError {
  if (error instanceof TocsinError && (error.code === 'T7001' || error.code === 'T7005')) return error;
  throw error;
}
