/**
 * The catalogue of errors that a caller can act on. A code never changes its meaning; `status` is the HTTP status of the response.
 * docs/errors.md is generated from this table and from {@link findingTitles}.
 */
export const errors = {
  T1001: { status: 400, title: 'Request body is not valid JSON' },
  T1002: { status: 400, title: 'Request body is not valid UTF-8' },
  T1003: { status: 413, title: 'Request body exceeds the size limit' },
  T1004: { status: 415, title: 'Unsupported content type or content encoding' },
  T1005: { status: 400, title: 'JSON nesting exceeds the depth limit' },
  T1006: { status: 400, title: 'JSON contains a forbidden key (__proto__, constructor, prototype)' },
  T1007: { status: 400, title: 'Request body cannot be decompressed' },
  T1008: { status: 400, title: 'Invalid Prometheus remote write body' },
  T1009: { status: 400, title: 'All items of the request were rejected' },
  T1010: { status: 413, title: 'Too many events in one request' },
  T1011: { status: 404, title: 'Source not found' },
  T1012: { status: 401, title: 'Missing access token' },
  T1013: { status: 403, title: 'Invalid access token' },
  T1014: { status: 403, title: 'Source is disabled' },
  T1015: { status: 400, title: 'Event exceeds the maximum age' },
  T1016: { status: 400, title: 'Invalid CloudEvent' },
  T1017: { status: 400, title: 'Invalid mapping' },
  T1018: { status: 400, title: 'Item does not match the mapping of its source' },
  T1019: { status: 405, title: 'HTTP method not allowed' },
  T1101: { status: 400, title: 'Missing field or wrong type' },
  T1102: { status: 400, title: 'Number is not finite' },
  T1103: { status: 400, title: 'Timestamp out of range' },
  T1104: { status: 400, title: 'Event exceeds the record size limit' },
  T1105: { status: 400, title: 'Dimensions or labels exceed their limits' },
  T1201: { status: 503, title: 'Event log unavailable' },
  T1202: { status: 429, title: 'Too many pending events (backpressure)' },
  T1301: { status: 429, title: 'Rate limit exceeded' },
  T1302: { status: 503, title: 'Remote write rate limit exceeded' },
  T1303: { status: 400, title: 'Invalid degrade switch' },
  T1304: { status: 404, title: 'Degrade switch not found' },
  T2001: { status: 400, title: 'Invalid strategy' },
  T2002: { status: 404, title: 'Strategy not found' },
  T2003: { status: 409, title: 'Strategy version conflict' },
  T2004: { status: 400, title: 'Invalid rules file' },
  T3001: { status: 404, title: 'Alert not found' },
  T3002: { status: 409, title: 'Alert has already ended' },
  T3003: { status: 400, title: 'Invalid filter or cursor' },
  T4001: { status: 400, title: 'Invalid receiver' },
  T4002: { status: 404, title: 'Receiver not found' },
  T4004: { status: 404, title: 'Alert group not found' },
  T4005: { status: 404, title: 'Notice not found' },
  T4006: { status: 409, title: 'Notice is not dead' },
  T4007: { status: 409, title: 'Receiver name already exists' },
  T4101: { status: 409, title: 'No self-healing queue configured for the alert' },
  T4102: { status: 404, title: 'Push not found' },
  T4103: { status: 409, title: 'Push is not dead' },
  T5001: { status: 500, title: 'Invalid setting' },
  T5002: { status: 500, title: 'KAFKA_BROKERS and DATABASE_URL must be set together' },
  T5003: { status: 503, title: 'Database connection failed' },
  T5005: { status: 503, title: 'Server is not reachable' },
  T5010: { status: 400, title: 'Invalid capacity planning input' },
  T5039: { status: 500, title: 'Database schema was created by a development version' },
  T6001: { status: 500, title: 'Record is not valid UTF-8' },
  T6002: { status: 500, title: 'Record is not valid JSON' },
  T6003: { status: 500, title: 'Record does not match the schema of its topic' },
  T6004: { status: 500, title: 'Record exceeds the size limit' },
  T6005: { status: 500, title: 'Record has no value (tombstone)' },
  T6006: { status: 500, title: 'Record has a forbidden key or exceeds the nesting limit' },
  T6007: { status: 500, title: 'Record rejected by its handler' },
  T6101: { status: 500, title: 'Offset out of range: records were deleted before they were consumed' },
  T6102: { status: 500, title: 'Offset out of range: cursor is ahead of the log end (topic recreated?)' },
  T6103: { status: 500, title: 'Partition halted: poison-record limit exceeded' },
  T6201: { status: 409, title: 'Consumer group is still running' },
  T6202: { status: 400, title: 'Invalid offset position' },
  T6203: { status: 404, title: 'Consumer group, topic or partition not found' },
  T6204: { status: 409, title: 'Partition halted by missing records: operator decision required' },
  T6205: { status: 409, title: 'Partition was modified concurrently' },
  T6206: { status: 400, title: 'Invalid offset range' },
  T6207: { status: 409, title: 'Directory cannot be used as a sandbox' },
  T6208: { status: 404, title: 'Dead letter record not found' },
  T6210: { status: 500, title: 'Replay did not complete' },
  T6301: { status: 500, title: 'The checkpoint of the Detect state cannot be read by this version' },
  T6401: { status: 404, title: 'Topic not found' },
  T6402: { status: 400, title: 'Invalid topic configuration' },
  T6403: { status: 409, title: 'Topic already exists' },
  T6404: { status: 409, title: 'Adding partitions would break record order' },
  T6405: { status: 400, title: 'Invalid record query' },
  T6406: { status: 503, title: 'Reading from the topic failed' },
  T7001: { status: 503, title: 'Connection to the Kafka cluster failed' },
  T7002: { status: 503, title: 'SASL authentication failed' },
  T7003: { status: 503, title: 'TLS handshake with the Kafka cluster failed' },
  T7004: { status: 503, title: 'Kafka request rejected' },
  T7005: { status: 404, title: 'Topic not found on the Kafka cluster' },
  T7006: { status: 409, title: 'Offset out of range: position is beyond the log end (topic recreated?)' },
  T7020: { status: 400, title: 'Invalid source definition' },
  T7021: { status: 404, title: 'Source not found' },
  T7022: { status: 409, title: 'Source already exists' },
  T7023: { status: 409, title: 'No encryption key for secrets' },
  T7024: { status: 500, title: 'Stored secret cannot be decrypted' },
  T7025: { status: 409, title: 'Token rotation conflict' },
  T7026: { status: 409, title: 'Source version conflict' },
  T7027: { status: 400, title: 'Invalid sources file' },
  T7028: { status: 409, title: 'Operation not supported by this kind of source' },
  T9000: { status: 404, title: 'Path not found' },
  T9001: { status: 500, title: 'Internal server error' },
  T9002: { status: 400, title: 'Bad request' },
  T9003: { status: 403, title: 'Forbidden' },
  T9004: { status: 503, title: 'Service temporarily unavailable' },
} as const;

/** Findings of `tocsin doctor`. A finding is printed, never thrown, so it has no HTTP status. */
export const findingTitles = {
  T5011: 'Invalid settings',
  T5012: 'Unsupported Node.js version',
  T5013: 'Open file limit is too low (ulimit -n)',
  T5014: 'Kafka broker is not reachable',
  T5015: 'Authentication to the broker failed',
  T5016: 'Unsupported Kafka API version',
  T5017: 'Topic not found',
  T5018: 'Dead-letter topic has fewer partitions than its topic',
  T5019: 'min.insync.replicas does not match the replication factor',
  T5020: 'Partition has no leader or is under-replicated',
  T5021: 'Topic retention is too short',
  T5022: 'max.message.bytes is too small',
  T5023: 'Topic is compacted (cleanup.policy=compact)',
  T5024: 'Clock skew detected',
  T5025: 'Consumer group has no members or is rebalancing',
  T5026: 'Cursor is out of range',
  T5027: 'Committed offset is ahead of the cursor',
  T5028: 'Partition is halted or paused',
  T5029: 'Partition makes no progress',
  T5030: 'Outbox backlog',
  T5031: 'Database connection failed',
  T5032: 'Unsupported database version',
  T5033: 'Database durability is reduced',
  T5034: 'Database configuration is unsafe',
  T5035: 'Database schema version mismatch',
  T5036: 'Low disk space',
  T5037: 'Data directory is not usable',
  T5038: 'Server is not ready',
} as const;

export type ErrorCode = keyof typeof errors;
export type FindingCode = keyof typeof findingTitles;

/** An error that the caller can act on; answered with the HTTP status of its code. */
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

/** A record that can never be processed: it moves to the dead-letter topic with its original bytes; the rest of the batch continues. */
export class PoisonError extends Error {
  constructor(
    readonly code: ErrorCode,
    detail: string,
    /** Offset of the record, when a handler throws for one record of a batch. */
    readonly offset?: number,
  ) {
    super(`${errors[code].title}: ${detail}`);
    this.name = 'PoisonError';
  }
}
