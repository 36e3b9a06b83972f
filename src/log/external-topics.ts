import type { ClusterAccess } from './cluster.js';
import type { OutgoingRecord } from './event-log.js';

/** Topics of external Kafka clusters that Tocsin only produces to. */
export abstract class ExternalTopics {
  /**
   * Connects, publishes with acks=all, and disconnects. Resolves when the cluster has confirmed every record; rejects, with the
   * reason in words, after `timeoutMs` at the latest; the cluster may have the records nevertheless.
   */
  abstract deliver(access: ClusterAccess, topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
}
