import { MethodDecoration } from '../shared/discovery.service.js';

/** Answers, in sentences, what depends on the current partition of keys that would move. */
export type PartitionExpansionCheck = (moves: (key: string) => boolean) => Promise<readonly string[]>;

export const partitionExpansionCheck = new MethodDecoration<string, PartitionExpansionCheck>('partition expansion check');

/** The method names what must be settled before a key of the topic may move to another partition. */
export const ChecksPartitionExpansion = (topic: string) => partitionExpansionCheck.with(topic);
