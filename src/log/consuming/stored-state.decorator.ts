import { MethodDecoration } from '../../shared/discovery.service.js';
import type { TopicPartition } from '../topic-partition.js';

/** Replaces the stored state of a partition, inside the current transaction, by one that begins at `offset`. */
export type BeginState = (at: TopicPartition, offset: number) => Promise<void>;

export const storedState = new MethodDecoration<string, BeginState>('stored state');

/** Marks the method that replaces the stored state of a stateful consumer group for a partition; the commands that move cursors call it. */
export const StoresState = (group: string) => storedState.with(group);
