import { backoff, type RetryPolicy } from './retry.js';
import { messageOf } from './error-message.js';

/** Logger methods that a {@link PeriodicTask} uses. */
export interface TaskLogger {
  warn(text: string): void;
  log(text: string): void;
}

export interface PeriodicTaskOptions {
  /** Activity of a run, for the log lines: `reading the sources`. */
  readonly name: string;
  readonly everyMs: number;
  /** Pause before the first run; without it the first run begins at once. */
  readonly firstDelayMs?: number;
  /** One run. It may return the milliseconds until the next run, instead of `everyMs`. */
  readonly run: () => number | void | Promise<number | void>;
  /** Delays after failures; without it a failed run is repeated after `everyMs`. */
  readonly retry?: RetryPolicy;
  /** Receives one line when runs begin to fail or fail for another reason, and one when a run succeeds again. */
  readonly logger?: TaskLogger;
  /** Text of a failure in the log; by default its message. */
  readonly describe?: (error: unknown) => string;
  /** In [0, 1), for the jitter of the retries. */
  readonly random?: () => number;
}

/**
 * Repeats a run with a pause between the end of one and the start of the next; runs never overlap. A run that fails is logged once and
 * retried. Timers do not keep the process alive.
 */
export class PeriodicTask {
  #isStarted = false;
  #isStopped = false;
  #isRunning = false;
  #failures = 0;
  /** Description of the latest failure. */
  #problem: string | undefined;
  /** Pause (ms) that a call of {@link wake} during the current run requests. */
  #woken: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #run: Promise<void> = Promise.resolve();

  constructor(private readonly options: PeriodicTaskOptions) {}

  /** Schedules the first run. Further calls change nothing. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#schedule(this.options.firstDelayMs ?? 0);
  }

  /** Runs in `delayMs`, or that long after the current run. Does nothing before {@link start}. */
  wake(delayMs = 0): void {
    if (this.#isRunning) this.#woken = Math.min(this.#woken ?? Infinity, delayMs);
    else if (this.#isStarted) this.#schedule(delayMs);
  }

  /** Prevents further runs. Resolves when the current run has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#run;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** True while the latest run failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    const next = (): void => {
      this.#run = this.#next();
    };
    if (ms <= 0) next();
    else this.#timer = setTimeout(next, ms).unref();
  }

  async #next(): Promise<void> {
    this.#isRunning = true;
    this.#woken = undefined;
    const wait = await this.#attempt();
    this.#isRunning = false;
    this.#schedule(Math.max(1, Math.min(this.#woken ?? Infinity, wait)));
  }

  /** One run; returns the milliseconds until the next. */
  async #attempt(): Promise<number> {
    const { everyMs, run, retry, random = Math.random } = this.options;
    try {
      const wait = await run();
      this.#succeeded();
      return wait ?? everyMs;
    } catch (error) {
      this.#failed(error);
      return retry ? backoff(this.#failures, random(), retry.firstMs, retry.mostMs) : everyMs;
    }
  }

  #succeeded(): void {
    const { name, logger } = this.options;
    if (this.#failures > 0) logger?.log(`${name} works again`);
    this.#failures = 0;
    this.#problem = undefined;
  }

  #failed(error: unknown): void {
    const { name, logger, describe = messageOf } = this.options;
    const problem = describe(error);
    this.#failures++;
    if (problem !== this.#problem) logger?.warn(`${name} failed, retrying: ${problem}`);
    this.#problem = problem;
  }
}
