import { type AlertDraft, PartitionFold } from '../../src/detect/fold.js';
import type { Strategy } from '../../src/detect/strategy.js';
import type { RawEvent } from '../../src/topics.js';
import { aMetric, aTick, NOON } from './builders.js';
import { changeRules } from './compiled-rules.js';

const MINUTE = 60_000;

/** One partition of raw_events on its way through the fold; keeps everything that comes out. */
export class Partition {
  readonly drafts: AlertDraft[] = [];
  readonly fold: PartitionFold;
  /** Timestamp of the latest tick. */
  time = NOON;

  constructor(strategies: readonly Strategy[] = [], identifyBy: 'bk_biz_id' | 'event_source' = 'bk_biz_id') {
    this.fold = new PartitionFold({ identifyBy });
    this.rules(strategies);
  }

  /** Sends events and answers what came out of them. */
  send(...events: readonly RawEvent[]): AlertDraft[] {
    const before = this.drafts.length;
    for (const event of events) this.fold.apply(event, (draft) => this.drafts.push(draft));
    return this.drafts.slice(before);
  }

  /** A tick that brings the next rule set. */
  rules(strategies: readonly Strategy[], time = this.time): AlertDraft[] {
    const before = this.drafts.length;
    changeRules(this.fold, { version: this.fold.rulesVersion + 1, strategies }, time, (draft) => this.drafts.push(draft));
    this.tick(time);
    return this.drafts.slice(before);
  }

  tick(time: number): AlertDraft[] {
    this.time = time;
    return this.send(aTick({ timestamp: time, raw_data: { rules_version: this.fold.rulesVersion } }));
  }

  /** Nothing but a tick every five seconds for so long (ms); the partition's clock moves by as much. */
  silence(duration: number): AlertDraft[] {
    const end = this.time + duration;
    const drafts: AlertDraft[] = [];
    while (this.time < end) drafts.push(...this.tick(Math.min(this.time + 5_000, end)));
    return drafts;
  }

  /** One value of `cpu` per minute: `x` is 100, `.` is 0, a blank is none. The first is at minute `from` after noon. */
  minutes(pattern: string, from = 0): AlertDraft[] {
    const events = [...pattern].flatMap((sign, index) =>
      sign === ' ' ? [] : [aMetric({ timestamp: minute(from + index), raw_data: { value: sign === 'x' ? 100 : 0 } })],
    );
    return this.send(...events);
  }
}

/** So many minutes after noon. */
export const minute = (count: number): number => NOON + count * MINUTE;

/** Each message as `kind minute`, such as `fired 3`. */
export const outline = (drafts: readonly AlertDraft[]): string[] => drafts.map(({ kind, time }) => `${kind} ${(time - NOON) / MINUTE}`);
