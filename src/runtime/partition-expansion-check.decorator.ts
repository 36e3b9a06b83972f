import { MethodDecoration } from '../shared/discovery.service.js';

/** Returns, in sentences, the state that depends on the current partition of the keys that would move. */
export type PartitionExpansionCheck = (moves: (key: string) => boolean) => Promise<readonly string[]>;

export const partitionExpansionCheck = new MethodDecoration<string, PartitionExpansionCheck>('partition expansion check');

/** The method returns the reasons why a key of the topic must not move to another partition yet. */
export const ChecksPartitionExpansion = (topic: string) => partitionExpansionCheck.with(topic);
