import { PoisonError } from '../shared/errors.js';
import { JsonError, parseJson } from '../shared/json.js';
import type { Topic } from '../topics.js';
import type { LogRecord } from './log.js';

/** Headers of a dead letter: where the record stood, which stage refused it, and why. */
export function deadLetterHeaders(
  topic: string,
  partition: number,
  group: string,
  record: LogRecord,
  error: PoisonError,
  now: number,
): Record<string, string> {
  return {
    'tocsin-topic': topic,
    'tocsin-partition': String(partition),
    'tocsin-offset': String(record.offset),
    'tocsin-stage': group,
    'tocsin-error-code': error.code,
    'tocsin-error': error.message.slice(0, 1000),
    'tocsin-attempts': '1',
    'tocsin-time': String(now),
  };
}

const codes = { utf8: 'T6001', json: 'T6002', depth: 'T6006', proto: 'T6006' } as const;

/** Decodes a record of a topic. Throws {@link PoisonError} that says why the record can never work. */
export function decode<T>(topic: Topic<T>, record: LogRecord, maxBytes: number): T {
  if (record.value === null) throw new PoisonError('T6005', `offset ${record.offset}`);
  if (record.value.length > maxBytes) throw new PoisonError('T6004', `${record.value.length} bytes, at most ${maxBytes}`);
  try {
    return topic.parse(parseJson(record.value));
  } catch (error) {
    if (error instanceof JsonError) throw new PoisonError(codes[error.reason], error.message);
    throw error;
  }
}

/**
 * When so much is poison that the fault is ours and not the senders': a bad deploy must not drain a topic into the bin.
 * Judged over the last `window` records: more than `share` of them, or `run` in a row.
 */
export class PoisonLimit {
  #recent: boolean[] = [];
  #run = 0;

  constructor(
    private readonly window = 1000,
    private readonly share = 0.5,
    private readonly run = 500,
  ) {}

  /** Notes the outcome of some records in order; answers why the consumer must stop, or undefined. */
  note(outcomes: readonly boolean[]): string | undefined {
    for (const poison of outcomes) this.#run = poison ? this.#run + 1 : 0;
    this.#recent = [...this.#recent, ...outcomes].slice(-this.window);
    if (this.#run >= this.run) return `${this.#run} poison records in a row`;
    const bad = this.#recent.filter(Boolean).length;
    if (this.#recent.length >= this.window && bad > this.window * this.share) return `${bad} of the last ${this.window} records are poison`;
    return undefined;
  }

  reset(): void {
    this.#recent = [];
    this.#run = 0;
  }
}
