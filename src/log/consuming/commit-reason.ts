/** Inputs of the decision whether to commit the transaction of a batch now. */
export interface PendingCommit {
  /** The stage keeps state in memory, so a batch without output may wait. */
  readonly isStateful: boolean;
  /** The batch has no records, and nothing handled before waits for its commit. */
  readonly isEmpty: boolean;
  /** The handler wrote to the database, or published something. */
  readonly hasOutput: boolean;
  readonly hasCheckpoint: boolean;
  /** Another replica may own the partition soon. */
  readonly isLeaving: boolean;
  /** Milliseconds since the latest commit of the partition. */
  readonly sinceCommit: number;
  readonly commitEveryMs: number;
}

export type CommitReason = 'output' | 'each batch' | 'checkpoint' | 'leaving' | 'commit interval elapsed';

/** Why the batch is committed now; undefined when a stateful stage may let it wait, or when there is nothing to commit. */
export function commitReason(pending: PendingCommit): CommitReason | undefined {
  if (pending.hasOutput) return 'output';
  if (pending.isEmpty) return undefined;
  if (!pending.isStateful) return 'each batch';
  if (pending.hasCheckpoint) return 'checkpoint';
  if (pending.isLeaving) return 'leaving';
  return pending.sinceCommit >= pending.commitEveryMs ? 'commit interval elapsed' : undefined;
}
