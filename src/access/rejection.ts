import type { ErrorCode } from '../shared/errors.js';

/** Why one item of a request is not taken, in words for its sender. The other items go on. */
export class Rejection {
  constructor(
    readonly code: ErrorCode,
    readonly message: string,
  ) {}
}
