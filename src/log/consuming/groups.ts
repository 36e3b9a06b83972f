/** How a method consumes its topic. */
export interface ConsumeOptions {
  /** Consumer group, without the prefix: one for each stage. */
  readonly group: string;
  /**
   * Keeps memory for the partition: after a claim it gets a batch without records, then the records since the checkpoint as `replay`.
   * Its batches may also wait for their commit (`commitEveryMs`) while they have no output.
   */
  readonly stateful?: boolean;
}

const transports = new Map<string, symbol>();

/** Nest binds a handler to a transport strategy by this id; one group, one strategy. */
export function groupTransport(group: string): symbol {
  let transport = transports.get(group);
  if (!transport) transports.set(group, (transport = Symbol(`log:${group}`)));
  return transport;
}

/** Groups that read the clusters of other people are called `source.<name>`: what they commit, and where their topics end, our log does not know. */
export const isExternalGroup = (group: string): boolean => group.startsWith('source.');
