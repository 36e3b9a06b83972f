import type { ErrorCode } from '../shared/errors.js';

/** Why an item of a request is rejected, with a message for its sender. Other items are not affected. */
export class Rejection {
  constructor(
    readonly code: ErrorCode,
    readonly message: string,
  ) {}
}

/** Why a valid item produces no event. Skipped items are counted and need no action. */
export type SkipReason = 'stale' | 'nan' | 'infinite' | 'histogram';

/** A valid item that produces no event. */
export class Skipped {
  constructor(readonly reason: SkipReason) {}
}
