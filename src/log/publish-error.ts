/** Why records were not confirmed. Records that timed out may be in the log nevertheless; the others are not. */
export type PublishFailure = 'too large' | 'refused' | 'timed out' | 'closed';

/** Some records of a call were not confirmed by the log; all others of the call are in it. */
export class PublishError extends Error {
  constructor(
    readonly failure: PublishFailure,
    message: string,
    /** Indexes of the records in the list of the caller. */
    readonly records: readonly number[],
  ) {
    super(message);
    this.name = 'PublishError';
  }
}
