import type { ErrorCode } from '../shared/errors.js';

/** Why one item of a request is not taken, in words for its sender. The other items go on. */
export class Rejection {
  constructor(
    readonly code: ErrorCode,
    readonly message: string,
  ) {}
}

/** Why a sender's item makes no event although nothing is wrong with it: it is counted, and nobody has to do anything. */
export type SkipReason = 'stale' | 'nan' | 'infinite' | 'histogram';

/** An item of a request that makes no event. */
export class Skipped {
  constructor(readonly reason: SkipReason) {}
}
