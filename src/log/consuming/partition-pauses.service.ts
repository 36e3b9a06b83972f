import type { TopicPartition } from '../event-log.js';
import { partitionName } from '../topic-partition.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauseRepository } from './partition-pause.repository.js';
import type { PartitionFault } from './position-fault.js';

/** What a change of the rows means for the consumer. */
export interface PauseChange {
  /** Deliver no more records; or deliver them again. */
  readonly isPaused: boolean;
  /** Claim again: an operator may have moved the cursor. */
  readonly restart: boolean;
}

/** What pauses and halts are stored with. */
export interface PauseStore {
  readonly rows: PartitionPauseRepository;
  readonly instance: string;
  /** Reports a new halt, after its row was written. */
  readonly halted: (at: TopicPartition, fault: PartitionFault, now: number) => Promise<void>;
}

/** Pauses and halts of the partitions of a group on this replica: a copy of the rows, which are the truth. */
export class PartitionPauses {
  readonly #pauses = new Map<string, readonly PartitionPause[]>();
  /** By partition: when (epoch ms) its rows were read. */
  readonly #readAt = new Map<string, number>();

  constructor(
    private readonly group: string,
    private readonly store: PauseStore,
  ) {}

  /** Why the partition does not go on; a halt before a pause. */
  of(at: TopicPartition): PartitionPause | undefined {
    const pauses = this.#pauses.get(partitionName(at)) ?? [];
    return pauses.find(isHalt) ?? pauses[0];
  }

  all(): PartitionPause[] {
    return [...this.#pauses.values()].flat();
  }

  /**
   * At a claim: reads the rows, and brings them up to date with what the log shows now. The halt of a gap that is no longer there is removed; one for
   * too much poison stays until an operator resumes the partition.
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
    // The row comes first: whoever sees the halt can end it.
    await this.store.rows.put([halt]);
    const pauses = (this.#pauses.get(partitionName(at)) ?? []).filter((other) => !isHalt(other));
    this.#set(at, [halt, ...pauses], now);
    await this.store.halted(at, fault, now);
  }

  forget(at: TopicPartition): void {
    this.#pauses.delete(partitionName(at));
    this.#readAt.delete(partitionName(at));
  }

  /** Takes over the rows of the group, read at `readAt`, for a partition of this replica; undefined when that changes nothing. */
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
