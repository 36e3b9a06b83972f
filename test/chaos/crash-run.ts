import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RECEIVER } from './families.js';
import type { Installation } from './installation.js';
import { type Evidence, judge, type Verdict } from './judge.js';
import { type Kill, killAtRandom } from './killer.js';
import { Random } from './random.js';
import { remainsOf } from './remains.js';
import { comeToRest, progress } from './rest.js';
import { Sender } from './sender.js';
import { Sink } from './sink.js';
import { firstRules, type Round, type Step, workload } from './workload.js';

export interface RunOptions {
  readonly seed: number;
  readonly events: number;
  readonly kills: number;
  readonly freezes: number;
  /** Shortest time of a round (ms), so that event time does not run away from the clock by which groups wait. */
  readonly roundMs: number;
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
/** A rebalance after a kill takes longer than the session of the dead. */
const WORK_WITHIN_MS = 20_000;
/** Event time starts a while ago: Access takes the past as it is, and nothing of it is in the future. */
const PAST_MS = 48 * 3_600_000;
const HOUR = 3_600_000;

/** Loads an installation while it is killed again and again, waits until it is at rest, and judges what it left. */
export async function crashRun(installation: Installation, options: RunOptions): Promise<Outcome> {
  const run = new CrashRun(installation, options);
  try {
    return await run.run();
  } finally {
    run.close();
  }
}

class CrashRun {
  readonly #sink: Sink;
  readonly #sender: Sender;
  readonly #kills: Kill[] = [];
  /** Share of the workload that is sent, and share of the kills that are done. */
  #sent = 0;
  #killing = true;

  constructor(
    private readonly installation: Installation,
    private readonly options: RunOptions,
  ) {
    const { seed } = options;
    this.#sink = new Sink(Random.of(seed, 'sink'));
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
    say('everything is sent and nobody is killed any more; waiting for rest');
    const unrest = await comeToRest(this.installation, restMs);
    const evidence = await this.#evidence(unrest);
    const judging = Date.now();
    say('judging');
    const verdict = judge(evidence);
    const seconds = { load: (resting - loading) / 1000, rest: (judging - resting) / 1000, judge: (Date.now() - judging) / 1000 };
    return { verdict, evidence, seconds };
  }

  async #prepare(): Promise<void> {
    const url = await this.#sink.listen();
    await Promise.all(this.installation.replicas.map((replica) => replica.start()));
    await this.#sender.createReceiver({ name: RECEIVER, channel: 'webhook', settings: { url }, is_default: true });
    await this.#sender.createRules(firstRules());
  }

  /** Sends and kills side by side; the closing rounds come when nobody is killed any more. */
  async #load(): Promise<void> {
    const { seed, events, kills, freezes } = this.options;
    const start = Math.floor((Date.now() - PAST_MS) / HOUR) * HOUR;
    const rounds = workload({ seed, events, start });
    const plan = { kills, freezes, gate: () => this.#gate(), work: () => this.#work(), random: Random.of(seed, 'killer') };
    const killing = killAtRandom(this.installation, plan, this.#kills).finally(() => (this.#killing = false));
    const sending = this.#sendAll(rounds, killing);
    await Promise.all([sending, killing]);
  }

  async #sendAll(rounds: Iterable<Round>, killing: Promise<void>): Promise<void> {
    const { roundMs } = this.options;
    let closing = false;
    for (const round of rounds) {
      if (round.closing && !closing) {
        // Their last records must not come after the calm.
        await killing;
        closing = true;
      }
      const pause = delay(closing ? 0 : roundMs);
      await this.#sendRound(round.steps);
      this.#sent = round.share;
      await pause;
      while (!closing && this.#killing && this.#tooFarAhead()) await delay(50);
    }
  }

  async #sendRound(steps: readonly Step[]): Promise<void> {
    const waiting = [...steps];
    const worker = async (): Promise<void> => {
      for (let step = waiting.shift(); step; step = waiting.shift()) await this.#take(step);
    };
    await Promise.all(Array.from({ length: SENDERS }, worker));
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'events':
        return this.#sender.sendEvents(step.events);
      case 'alerts':
        return this.#sender.sendAlerts(step.alerts);
      case 'poison':
        return this.installation.publish(step.record);
      case 'rules':
        return this.#sender.changeRule(step.change);
    }
  }

  /** Kills are spread over the whole workload: the sender is never more than one kill ahead. */
  #tooFarAhead(): boolean {
    return this.#sent > (this.#kills.length + 1) / (this.options.kills + 1);
  }

  /** The next kill comes when its part of the workload is under way. */
  async #gate(): Promise<void> {
    const { kills, say } = this.options;
    say(`${Math.round(this.#sent * 100)} % sent, ${this.#kills.length} killed, ${this.#sink.arrivals.length} notices arrived`);
    while (this.#sent < (this.#kills.length + 0.1) / (kills + 1) && this.#sent < 1) await delay(20);
  }

  /** In a group somebody has to notice the death first; alone one starts where one was killed. */
  async #work(): Promise<void> {
    if (this.installation.mode === 'embedded') return;
    const before = await this.installation.inspect(progress);
    const end = Date.now() + WORK_WITHIN_MS;
    while (Date.now() < end && (await this.installation.inspect(progress)) === before) await delay(100);
  }

  async #evidence(unrest: string | undefined): Promise<Evidence> {
    const { replicas } = this.installation;
    const accidents = replicas.flatMap((replica) => replica.accidents);
    const stops = await Promise.all(replicas.map((replica) => replica.stop()));
    for (const { how } of stops) if (how !== 'exit code 0') accidents.push(`a replica ended with ${how} when it was told to stop`);
    const remains = await this.installation.inspect(remainsOf);
    return { promises: this.#sender.promises, kills: this.#kills, arrivals: this.#sink.arrivals, remains, unrest, accidents };
  }
}

/** A folder that exists. */
export function folderAt(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
