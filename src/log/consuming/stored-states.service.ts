import { Injectable } from '@nestjs/common';
import type { TopicPartition } from '../event-log.js';

/** What a stage with memory keeps in the database for its partitions. */
export interface StoredState {
  /** Inside the current transaction: replaces what is stored for the partition by the memory that begins at `offset`. */
  begin(at: TopicPartition, offset: number): Promise<void>;
}

/** The stored memories of the stages that have one, by consumer group, for those who move cursors. */
@Injectable()
export class StoredStates {
  readonly #states = new Map<string, StoredState>();

  register(group: string, state: StoredState): void {
    this.#states.set(group, state);
  }

  of(group: string): StoredState | undefined {
    return this.#states.get(group);
  }
}
