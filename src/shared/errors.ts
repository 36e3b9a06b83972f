/**
 * The one catalogue of errors that a caller can act on. A code is stable for ever; `status` is the HTTP status it maps to.
 * docs/errors.md is generated from this table.
 */
export const errors = {
  T1001: { status: 400, title: 'The body is not valid JSON' },
  T1002: { status: 400, title: 'The body is not valid UTF-8' },
  T1003: { status: 413, title: 'The body is larger than the limit' },
  T1004: { status: 415, title: 'The content type or encoding is not supported' },
  T1005: { status: 400, title: 'The body is nested too deeply' },
  T1006: { status: 400, title: 'The body has a forbidden key (__proto__, constructor, prototype)' },
  T1007: { status: 400, title: 'The compressed body cannot be decompressed' },
  T1008: { status: 400, title: 'The remote write body cannot be decoded' },
  T1009: { status: 400, title: 'No item of the request was acceptable' },
  T1010: { status: 413, title: 'Too many events in one request' },
  T1101: { status: 400, title: 'A field is missing or has the wrong type' },
  T1102: { status: 400, title: 'A number is not finite' },
  T1103: { status: 400, title: 'The timestamp is not a plausible time' },
  T1104: { status: 400, title: 'The event is too large for the log' },
  T1105: { status: 400, title: 'Too many dimensions or labels, or one is too long' },
  T1201: { status: 503, title: 'The log does not accept events at the moment' },
  T1202: { status: 429, title: 'Too many events are waiting for the log' },
  T2001: { status: 400, title: 'The strategy is not valid' },
  T2002: { status: 404, title: 'There is no such strategy' },
  T2003: { status: 409, title: 'The strategy was changed by someone else' },
  T2004: { status: 400, title: 'The rules file is not valid' },
  T3001: { status: 404, title: 'There is no such alert' },
  T3002: { status: 409, title: 'The alert has already ended' },
  T3003: { status: 400, title: 'The filter or cursor is not valid' },
  T4001: { status: 400, title: 'The receiver is not valid' },
  T4002: { status: 404, title: 'There is no such receiver' },
  T4003: { status: 400, title: 'The converge setting is not valid' },
  T4004: { status: 404, title: 'There is no such group' },
  T4005: { status: 404, title: 'There is no such notice' },
  T4006: { status: 409, title: 'The notice is not in the dead letters' },
  T4007: { status: 409, title: 'There is already a receiver of this name' },
  T5001: { status: 500, title: 'A setting is not valid' },
  T5002: { status: 500, title: 'Only one of KAFKA_BROKERS and DATABASE_URL is set' },
  T5003: { status: 503, title: 'The database is not reachable' },
  T5005: { status: 503, title: 'The server does not answer' },
  T6001: { status: 500, title: 'The record is not valid UTF-8' },
  T6002: { status: 500, title: 'The record is not valid JSON' },
  T6003: { status: 500, title: 'The record does not fit the schema of its topic' },
  T6004: { status: 500, title: 'The record is larger than the limit' },
  T6005: { status: 500, title: 'The record has no value (tombstone)' },
  T6006: { status: 500, title: 'The record has a forbidden key or is nested too deeply' },
  T6007: { status: 500, title: 'The handler can never apply this record' },
  T6101: { status: 500, title: 'Records are missing between the cursor and the log (gap)' },
  T6102: { status: 500, title: 'The cursor is ahead of the log (topic recreated?)' },
  T6103: { status: 500, title: 'The consumer stopped because nearly everything was poison' },
  T9000: { status: 404, title: 'There is no such path' },
  T9001: { status: 500, title: 'An unexpected error' },
  T9002: { status: 400, title: 'The request is not valid' },
  T9003: { status: 403, title: 'The request is not allowed' },
  T9004: { status: 503, title: 'The service is not available at the moment' },
} as const;

export type ErrorCode = keyof typeof errors;

/** An error whose code the caller can act on; maps to the HTTP status of its code. */
export class TocsinError extends Error {
  constructor(
    readonly code: ErrorCode,
    detail: string,
    readonly details?: unknown,
  ) {
    super(`${errors[code].title}: ${detail}`);
    this.name = 'TocsinError';
  }

  get status(): number {
    return errors[this.code].status;
  }
}

/** This one record can never work: it goes to the dead-letter topic with its original bytes, the rest of the batch goes on. */
export class PoisonError extends Error {
  constructor(
    readonly code: ErrorCode,
    detail: string,
    /** Offset of the record, when thrown by a handler for one record of a batch. */
    readonly offset?: number,
  ) {
    super(`${errors[code].title}: ${detail}`);
    this.name = 'PoisonError';
  }
}
