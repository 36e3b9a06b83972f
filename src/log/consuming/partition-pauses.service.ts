import type { TopicPartition } from '../event-log.js';
import { partitionName } from '../topic-partition.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauseRepository } from './partition-pause.repository.js';
import type { PartitionFault } from './position-fault.js';

/** Effect of changed rows on the consumer. */
export interface PauseChange {
  /** True: stop the delivery of records; false: resume it. */
  readonly isPaused: boolean;
  /** Claim the partition again, because an operator may have moved the cursor. */
  readonly restart: boolean;
}

/** Storage of pauses and halts. */
export interface PauseStore {
  readonly rows: PartitionPauseRepository;
  readonly instance: string;
  /** Reports a new halt after its row was written. */
  readonly halted: (at: TopicPartition, fault: PartitionFault, now: number) => Promise<void>;
}

/** Pauses and halts of a group's partitions on this replica: a cache of the rows, which are the source of truth. */
export class PartitionPauses {
  readonly #pauses = new Map<string, readonly PartitionPause[]>();
  /** Time (epoch ms) at which the rows of each partition were read. */
  readonly #readAt = new Map<string, number>();

  constructor(
    private readonly group: string,
    private readonly store: PauseStore,
  ) {}

  /** The pause or halt of the partition; a halt takes precedence. */
  of(at: TopicPartition): PartitionPause | undefined {
    const pauses = this.#pauses.get(partitionName(at)) ?? [];
    return pauses.find(isHalt) ?? pauses[0];
  }

  all(): PartitionPause[] {
    return [...this.#pauses.values()].flat();
  }

  /**
   * At a claim: reads the rows and updates them to the state of the log. The halt for a gap that no longer exists is removed; a halt by the
   * poison limit stays until an operator resumes the partition.
   */
  async claim(at: TopicPartition, fault: PartitionFault | undefined, now: number): Promise<void> {
    const rows = await this.store.rows.of(this.group, at, now);
    this.#set(at, rows, now);
    const halt = rows.find(isHalt);
    if (fault && (halt?.code !== fault.code || halt.why !== fault.why)) await this.halt(at, fault, now);
    if (!fault && halt && halt.code !== 'T6103') {
      await this.store.rows.remove(halt);
      const others = rows.filter((pause) => pause !== halt);
      this.#set(at, others, now);
    }
  }

  async halt(at: TopicPartition, fault: PartitionFault, now: number): Promise<void> {
    const { topic, partition } = at;
    const halt: PartitionPause = { group: this.group, topic, partition, kind: 'stopped', ...fault, by: this.store.instance, at: now, until: null };
    // The row is written first, so that an operator can end every halt that is visible.
    await this.store.rows.put([halt]);
    const pauses = (this.#pauses.get(partitionName(at)) ?? []).filter((other) => !isHalt(other));
    this.#set(at, [halt, ...pauses], now);
    await this.store.halted(at, fault, now);
  }

  forget(at: TopicPartition): void {
    this.#pauses.delete(partitionName(at));
    this.#readAt.delete(partitionName(at));
  }

  /** Applies the rows of the group, read at `readAt`, to a partition of this replica; returns undefined when nothing changes. */
  follow(at: TopicPartition, rows: readonly PartitionPause[], readAt: number): PauseChange | undefined {
    if ((this.#readAt.get(partitionName(at)) ?? Infinity) >= readAt) return undefined;
    const before = this.#pauses.get(partitionName(at)) ?? [];
    const now = rows.filter(({ topic, partition }) => topic === at.topic && partition === at.partition);
    this.#set(at, now, readAt);
    const restart = before.some(isHalt) && !now.some(isHalt);
    return restart || before.length > 0 !== now.length > 0 ? { isPaused: now.length > 0, restart } : undefined;
  }

  #set(at: TopicPartition, pauses: readonly PartitionPause[], readAt: number): void {
    this.#pauses.set(partitionName(at), pauses);
    this.#readAt.set(partitionName(at), readAt);
  }
}

const isHalt = ({ kind }: PartitionPause): boolean => kind === 'stopped';
