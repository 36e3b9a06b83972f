/**
 * What an answer to a batch means:
 * `appended`: it is in the log; `again`: the same batch, later; `elsewhere`: the same batch, after asking who leads the partition;
 * `fresh epoch`: the broker and we disagree about the sequence, so the batch begins a new one; `divide`: some of its records are at fault;
 * `refused`: it can never work as things are.
 */
export type Verdict = 'appended' | 'again' | 'elsewhere' | 'fresh epoch' | 'divide' | 'refused';

interface Meaning {
  readonly name: string;
  readonly verdict: Verdict;
  /** The log may have the batch nevertheless. */
  readonly uncertain?: true;
}

/** https://kafka.apache.org/protocol#protocol_error_codes */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  [-1]: { name: 'UNKNOWN_SERVER_ERROR', verdict: 'again', uncertain: true },
  0: { name: 'NONE', verdict: 'appended' },
  2: { name: 'CORRUPT_MESSAGE', verdict: 'again' },
  3: { name: 'UNKNOWN_TOPIC_OR_PARTITION', verdict: 'elsewhere' },
  5: { name: 'LEADER_NOT_AVAILABLE', verdict: 'elsewhere' },
  6: { name: 'NOT_LEADER_OR_FOLLOWER', verdict: 'elsewhere' },
  7: { name: 'REQUEST_TIMED_OUT', verdict: 'again', uncertain: true },
  8: { name: 'BROKER_NOT_AVAILABLE', verdict: 'elsewhere' },
  9: { name: 'REPLICA_NOT_AVAILABLE', verdict: 'elsewhere' },
  10: { name: 'MESSAGE_TOO_LARGE', verdict: 'divide' },
  13: { name: 'NETWORK_EXCEPTION', verdict: 'elsewhere', uncertain: true },
  17: { name: 'INVALID_TOPIC_EXCEPTION', verdict: 'refused' },
  18: { name: 'RECORD_LIST_TOO_LARGE', verdict: 'divide' },
  19: { name: 'NOT_ENOUGH_REPLICAS', verdict: 'again' },
  20: { name: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', verdict: 'again', uncertain: true },
  29: { name: 'TOPIC_AUTHORIZATION_FAILED', verdict: 'refused' },
  31: { name: 'CLUSTER_AUTHORIZATION_FAILED', verdict: 'refused' },
  32: { name: 'INVALID_TIMESTAMP', verdict: 'divide' },
  35: { name: 'UNSUPPORTED_VERSION', verdict: 'refused' },
  44: { name: 'POLICY_VIOLATION', verdict: 'refused' },
  45: { name: 'OUT_OF_ORDER_SEQUENCE_NUMBER', verdict: 'fresh epoch' },
  46: { name: 'DUPLICATE_SEQUENCE_NUMBER', verdict: 'appended' },
  47: { name: 'INVALID_PRODUCER_EPOCH', verdict: 'fresh epoch' },
  56: { name: 'KAFKA_STORAGE_ERROR', verdict: 'elsewhere', uncertain: true },
  59: { name: 'UNKNOWN_PRODUCER_ID', verdict: 'fresh epoch' },
  72: { name: 'LISTENER_NOT_FOUND', verdict: 'elsewhere' },
  74: { name: 'FENCED_LEADER_EPOCH', verdict: 'elsewhere' },
  75: { name: 'UNKNOWN_LEADER_EPOCH', verdict: 'elsewhere' },
  76: { name: 'UNSUPPORTED_COMPRESSION_TYPE', verdict: 'refused' },
  87: { name: 'INVALID_RECORD', verdict: 'divide' },
  89: { name: 'THROTTLING_QUOTA_EXCEEDED', verdict: 'again' },
  90: { name: 'PRODUCER_FENCED', verdict: 'fresh epoch' },
};

/** The meaning of an error code; one that we do not know refuses the batch, and leaves open whether the log has it. */
export function meaning(code: number): Meaning {
  return MEANINGS[code] ?? { name: `error ${code}`, verdict: 'refused', uncertain: true };
}
