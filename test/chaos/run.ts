import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RECEIVER } from './families.js';
import type { Installation } from './installation.js';
import { type Evidence, judge, type Verdict } from './judge.js';
import { PARTLY_GOOD, type PoisonRecord } from './poison.js';
import { Random } from './random.js';
import { remainsOf } from './remains.js';
import { comeToRest } from './rest.js';
import { Sender } from './sender.js';
import { Sink } from './sink.js';
import type { Kill, Scene, Trouble } from './trouble.js';
import { firstRules, type Round, type SentEvent, type Step, workload } from './workload.js';

export interface RunOptions {
  readonly seed: number;
  readonly events: number;
  /** Shortest time of a round (ms), so that event time does not run away from the clock by which groups wait. */
  readonly roundMs: number;
  /** `gated`: a round leaves at once, and the load waits for the trouble; `steady`: a round is spread over its time, and rounds go on as long as the trouble. */
  readonly load: 'gated' | 'steady';
  /** Longest wait for everything to come to rest (ms). */
  readonly restMs: number;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
  readonly seconds: Readonly<Record<'load' | 'rest' | 'judge', number>>;
}

const SENDERS = 4;
/** Share of the poison that is written into a foreign topic, where there is one. */
const POISON_FED = 0.3;
/** Event time starts a while ago: Access takes the past as it is, and nothing of it is in the future. */
const PAST_MS = 48 * 3_600_000;
const HOUR = 3_600_000;

/** Loads an installation while it has trouble, waits until it is at rest, and judges what it left. */
export async function runUnder(trouble: Trouble, installation: Installation, options: RunOptions): Promise<Outcome> {
  const run = new Run(trouble, installation, options);
  try {
    return await run.run();
  } finally {
    run.close();
  }
}

class Run {
  readonly #sink: Sink;
  readonly #sender: Sender;
  readonly #poison: Random;
  readonly #kills: Kill[] = [];
  /** Share of the workload that is sent. */
  #sent = 0;
  /** Share that may be sent before the next blow. */
  #most = 0;
  #troubled = true;

  constructor(
    private readonly trouble: Trouble,
    private readonly installation: Installation,
    private readonly options: RunOptions,
  ) {
    const { seed } = options;
    this.#sink = new Sink(Random.of(seed, 'sink'));
    this.#poison = Random.of(seed, 'poison');
    const urls = (): string[] => installation.replicas.flatMap(({ url }) => url ?? []);
    this.#sender = new Sender(urls, Random.of(seed, 'sender'));
  }

  close(): void {
    this.#sender.giveUp();
    this.#sink.close();
  }

  async run(): Promise<Outcome> {
    const { say, restMs } = this.options;
    await this.#prepare();
    const loading = Date.now();
    await this.#load();
    const resting = Date.now();
    say('everything is sent and the trouble is over; waiting for rest');
    const unrest = await comeToRest(this.installation, restMs);
    const evidence = await this.#evidence(unrest);
    const judging = Date.now();
    say('judging');
    const verdict = judge(evidence);
    const seconds = { load: (resting - loading) / 1000, rest: (judging - resting) / 1000, judge: (Date.now() - judging) / 1000 };
    return { verdict, evidence, seconds };
  }

  async #prepare(): Promise<void> {
    const { replicas, feeds } = this.installation;
    const url = await this.#sink.listen();
    await Promise.all(replicas.slice(0, this.trouble.replicas).map((replica) => replica.start()));
    await this.#sender.create('/api/v1/receivers', { name: RECEIVER, channel: 'webhook', settings: { url }, is_default: true });
    for (const source of feeds?.sources() ?? []) await this.#sender.create('/api/v1/sources', source);
    await this.#sender.createRules(firstRules());
  }

  /** Load and trouble side by side; the closing rounds come when the trouble is over. */
  async #load(): Promise<void> {
    const { seed, events, load, say } = this.options;
    const start = Math.floor((Date.now() - PAST_MS) / HOUR) * HOUR;
    const rounds = workload({ seed, events, start, goesOn: () => load === 'steady' && this.#troubled });
    const gate = (done: number, all: number): Promise<void> => this.#gate(done, all);
    const scene: Scene = { installation: this.installation, random: Random.of(seed, 'killer'), kills: this.#kills, say, gate };
    const troubling = this.trouble.make(scene).finally(() => (this.#troubled = false));
    await Promise.all([this.#sendAll(rounds, troubling), troubling]);
  }

  async #sendAll(rounds: Iterable<Round>, troubling: Promise<void>): Promise<void> {
    const { roundMs, load } = this.options;
    let closing = false;
    for (const round of rounds) {
      if (round.closing && !closing) {
        // Their last records must not come after the calm.
        await troubling;
        closing = true;
      }
      const pause = delay(closing ? 0 : roundMs);
      await this.#sendRound(round.steps, closing || load === 'gated' ? 0 : roundMs);
      this.#sent = round.share;
      await pause;
      while (!closing && this.#troubled && load === 'gated' && this.#sent > this.#most) await delay(50);
    }
  }

  /** @param ms over which the steps are spread */
  async #sendRound(steps: readonly Step[], ms: number): Promise<void> {
    const waiting = [...steps];
    const worker = async (): Promise<void> => {
      for (let step = waiting.shift(); step; step = waiting.shift()) {
        await Promise.all([this.#take(step), delay((SENDERS * ms) / steps.length)]);
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, worker));
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'events':
        return this.#sendEvents(step.events);
      case 'alerts':
        return this.#sender.sendAlerts(step.alerts);
      case 'poison':
        return this.#sendPoison(step.record);
      case 'rules':
        return this.#sender.changeRule(step.change);
    }
  }

  /** Events of some businesses come through foreign topics, where there are any; the others over HTTP. */
  async #sendEvents(events: readonly SentEvent[]): Promise<void> {
    const { feeds } = this.installation;
    const isFed = ({ bk_biz_id }: SentEvent): boolean => feeds?.takes(bk_biz_id) ?? false;
    const fed = events.filter(isFed);
    const posted = events.filter((event) => !isFed(event));
    await Promise.all([posted.length > 0 && this.#sender.sendEvents(posted), fed.length > 0 && feeds!.send(fed)]);
  }

  #sendPoison(record: PoisonRecord): Promise<void> {
    const { feeds } = this.installation;
    // What is good in a record of a source is taken: it would be an alert that nobody ends.
    const fed = feeds && this.#poison.chance(POISON_FED) && record.kind !== PARTLY_GOOD;
    return fed ? feeds.poison(record.value) : this.installation.publish(record);
  }

  /** Blows are spread over the whole workload: the load is never more than one of them ahead. */
  async #gate(done: number, all: number): Promise<void> {
    const { say } = this.options;
    this.#most = (done + 1) / (all + 1);
    say(`${Math.round(this.#sent * 100)} % sent, ${this.#kills.length} killed, ${this.#sink.arrivals.length} notices arrived`);
    while (this.#sent < (done + 0.1) / (all + 1) && this.#sent < 1) await delay(20);
  }

  async #evidence(unrest: string | undefined): Promise<Evidence> {
    const { replicas, feeds } = this.installation;
    await Promise.all(replicas.map((replica) => replica.stop()));
    return {
      promises: this.#sender.promises,
      fed: feeds?.written ?? [],
      kills: this.#kills,
      arrivals: this.#sink.arrivals,
      remains: await this.installation.inspect(remainsOf),
      unrest,
      accidents: replicas.flatMap(({ accidents }) => accidents),
    };
  }
}

/** A folder that exists. */
export function folderAt(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
