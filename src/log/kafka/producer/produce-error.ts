/**
 * Action of the producer after a response for a batch:
 * `appended`: nothing, the batch is in the log; `retry`: resend the batch; `refresh leader`: resend it after a metadata refresh;
 * `bump epoch`: resend it in a new epoch, because broker and producer disagree about the sequence;
 * `split`: halve the batch, some of its records are invalid; `fail`: fail the batch, a retry cannot succeed.
 */
export type ProduceAction = 'appended' | 'retry' | 'refresh leader' | 'bump epoch' | 'split' | 'fail';

interface ProduceResult {
  readonly name: string;
  readonly action: ProduceAction;
  /** The log may contain the batch despite the error. */
  readonly maybeAppended?: true;
}

/** https://kafka.apache.org/protocol#protocol_error_codes */
const RESULTS: Readonly<Record<number, ProduceResult>> = {
  [-1]: { name: 'UNKNOWN_SERVER_ERROR', action: 'retry', maybeAppended: true },
  0: { name: 'NONE', action: 'appended' },
  2: { name: 'CORRUPT_MESSAGE', action: 'retry' },
  3: { name: 'UNKNOWN_TOPIC_OR_PARTITION', action: 'refresh leader' },
  5: { name: 'LEADER_NOT_AVAILABLE', action: 'refresh leader' },
  6: { name: 'NOT_LEADER_OR_FOLLOWER', action: 'refresh leader' },
  7: { name: 'REQUEST_TIMED_OUT', action: 'retry', maybeAppended: true },
  8: { name: 'BROKER_NOT_AVAILABLE', action: 'refresh leader' },
  9: { name: 'REPLICA_NOT_AVAILABLE', action: 'refresh leader' },
  10: { name: 'MESSAGE_TOO_LARGE', action: 'split' },
  13: { name: 'NETWORK_EXCEPTION', action: 'refresh leader', maybeAppended: true },
  17: { name: 'INVALID_TOPIC_EXCEPTION', action: 'fail' },
  18: { name: 'RECORD_LIST_TOO_LARGE', action: 'split' },
  19: { name: 'NOT_ENOUGH_REPLICAS', action: 'retry' },
  20: { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', action: 'retry', maybeAppended: true },
  29: { name: 'TOPIC_AUTHORIZATION_FAILED', action: 'fail' },
  31: { name: 'CLUSTER_AUTHORIZATION_FAILED', action: 'fail' },
  32: { name: 'INVALID_TIMESTAMP', action: 'split' },
  35: { name: 'UNSUPPORTED_VERSION', action: 'fail' },
  44: { name: 'POLICY_VIOLATION', action: 'fail' },
  45: { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', action: 'bump epoch' },
  46: { name: 'DUPLICATE_SEQUENCE_NUMBER', action: 'appended' },
  47: { name: 'INVALID_PRODUCER_EPOCH', action: 'bump epoch' },
  56: { name: 'KAFKA_STORAGE_ERROR', action: 'refresh leader', maybeAppended: true },
  59: { name: 'UNKNOWN_PRODUCER_ID', action: 'bump epoch' },
  72: { name: 'LISTENER_NOT_FOUND', action: 'refresh leader' },
  74: { name: 'FENCED_LEADER_EPOCH', action: 'refresh leader' },
  75: { name: 'UNKNOWN_LEADER_EPOCH', action: 'refresh leader' },
  76: { name: 'UNSUPPORTED_COMPRESSION_TYPE', action: 'fail' },
  87: { name: 'INVALID_RECORD', action: 'split' },
  89: { name: 'THROTTLING_QUOTA_EXCEEDED', action: 'retry' },
  90: { name: 'PRODUCER_FENCED', action: 'bump epoch' },
};

/** The result of an error code. An unknown code fails the batch, with an unknown outcome. */
export function produceResult(code: number): ProduceResult {
  return RESULTS[code] ?? { name: `error ${code}`, action: 'fail', maybeAppended: true };
}
