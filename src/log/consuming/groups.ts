/** Options of `@Consume`. */
export interface ConsumeOptions {
  /** Consumer group, without the prefix: one for each stage. */
  readonly group: string;
  /**
   * The group keeps state in memory for each partition: after a claim it gets a batch without records, then the records since the checkpoint
   * as `replay`. Its batches may also wait for their commit (DETECT_COMMIT_MS) while they have no output.
   */
  readonly stateful?: boolean;
}

/** Nest binds a handler to a transport strategy by this id; one group, one strategy. */
export const groupTransport = (group: string): symbol => Symbol.for(`log:${group}`);

/** Groups of external clusters are named `source.<name>`; the event log has neither their committed offsets nor the ends of their topics. */
export const isExternalGroup = (group: string): boolean => group.startsWith('source.');
