import { MethodDecoration } from '../../shared/discovery.service.js';
import type { TopicPartition } from '../topic-partition.js';

/** Inside the current transaction: replaces the stored state of a partition by one that begins at `offset`. */
export type BeginState = (at: TopicPartition, offset: number) => Promise<void>;

export const storedState = new MethodDecoration<string, BeginState>('stored state');

/** The method replaces what a stateful consumer group keeps in the database for a partition, for the commands that move cursors. */
export const StoresState = (group: string) => storedState.with(group);
