import type { ErrorCode } from '../../shared/errors.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauseRepository } from './partition-pause.repository.js';
import type { TopicPartition } from '../event-log.js';

/** What keeps a consumer from going on until people decide. */
export interface PartitionFault {
  readonly code: ErrorCode;
  readonly why: string;
}

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** What a change of the rows means for the consumer. */
export interface PauseChange {
  /** Hand over no more records; or hand them over again. */
  readonly held: boolean;
  /** Claim anew: people may have moved the cursor. */
  readonly restart: boolean;
}

/** What one replica knows of the holds on its partitions of a group. The rows are the truth; this follows them. */
export class PartitionPauses {
  readonly #held = new Map<string, readonly PartitionPause[]>();
  /** By partition: as of when (epoch ms) we know its rows. */
  readonly #known = new Map<string, number>();

  constructor(
    private readonly group: string,
    private readonly rows: PartitionPauseRepository,
  ) {}

  /** Why the partition does not go on; a stop before a pause. */
  of(at: TopicPartition): PartitionPause | undefined {
    const holds = this.#held.get(name(at)) ?? [];
    return holds.find(({ kind }) => kind === 'stopped') ?? holds[0];
  }

  all(): PartitionPause[] {
    return [...this.#held.values()].flat();
  }

  /**
   * At a claim: reads what the rows say, and brings them up to date with what the log shows now. A gap that is no longer there
   * holds nothing; too much poison does, until people say otherwise. Answers true when the fault is new.
   */
  async claim(at: TopicPartition, fault: PartitionFault | undefined, now: number): Promise<boolean> {
    const rows = await this.rows.of(this.group, at, now);
    this.#set(at, rows, now);
    const stop = rows.find(isHalt);
    if (fault && (stop?.code !== fault.code || stop.why !== fault.why)) {
      await this.stop(at, fault, '', now);
      return true;
    }
    if (!fault && stop && stop.code !== 'T6103') {
      await this.rows.remove(stop);
      this.#set(
        at,
        rows.filter((hold) => hold !== stop),
        now,
      );
    }
    return false;
  }

  async stop(at: TopicPartition, { code, why }: PartitionFault, by: string, now: number): Promise<void> {
    const { topic, partition } = at;
    const hold: PartitionPause = { group: this.group, topic, partition, kind: 'stopped', code, why, by, at: now, until: null };
    // First the row: whoever sees the stop can end it.
    await this.rows.put([hold]);
    this.#set(at, [hold, ...(this.#held.get(name(at)) ?? []).filter((other) => !isHalt(other))], now);
  }

  forget(at: TopicPartition): void {
    this.#held.delete(name(at));
    this.#known.delete(name(at));
  }

  /** Takes over what the rows of the group said at `readAt` of a partition of ours; undefined when that changes nothing. */
  follow(at: TopicPartition, rows: readonly PartitionPause[], readAt: number): PauseChange | undefined {
    if ((this.#known.get(name(at)) ?? Infinity) >= readAt) return undefined;
    const before = this.#held.get(name(at)) ?? [];
    const now = rows.filter(({ topic, partition }) => topic === at.topic && partition === at.partition);
    this.#set(at, now, readAt);
    const restart = before.some(isHalt) && !now.some(isHalt);
    return restart || before.length > 0 !== now.length > 0 ? { held: now.length > 0, restart } : undefined;
  }

  #set(at: TopicPartition, holds: readonly PartitionPause[], now: number): void {
    this.#held.set(name(at), holds);
    this.#known.set(name(at), now);
  }
}

const isHalt = ({ kind }: PartitionPause): boolean => kind === 'stopped';
