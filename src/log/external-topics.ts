import type { ClusterAccess } from './cluster.js';
import type { OutgoingRecord } from './event-log.js';

/** Topics of Kafka clusters that belong to other people, to which we only ever deliver. */
export abstract class ExternalTopics {
  /**
   * Connects, publishes with acks=all, and lets go of the connection. Resolves when the cluster has confirmed every record; rejects, with the
   * reason in words, after `timeoutMs` at the latest: the cluster may have the records nevertheless.
   */
  abstract deliver(access: ClusterAccess, topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void>;
}
