import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { within } from '../../shared/wait.js';
import type { ClusterAccess } from '../cluster.js';
import { ExternalTopics } from '../external-topics.js';
import type { OutgoingRecord } from '../event-log.js';
import { Partitioning } from '../partitioner.js';
import { ProducerWatch } from '../producer-watch.js';
import { KafkaCluster } from './kafka-cluster.client.js';

/** The producer times out this long (ms) before the caller, so that the caller gets its reason. */
const FAILURE_MARGIN_MS = 300;

/** Connects for each delivery: pushes are rare, and an unused connection may be dead when it is needed. */
@Injectable()
export class KafkaExternalTopics extends ExternalTopics {
  readonly #config: Config;
  readonly #partitioning = new Partitioning();

  constructor(config: Config) {
    super();
    // External consumers may lack codecs, a single record needs no linger, and a flush after the timeout has no use.
    this.#config = { ...config, KAFKA_COMPRESSION: 'none', KAFKA_TOPIC_COMPRESSION: new Map(), KAFKA_PRODUCERS: 1, LINGER_MS: 0, SHUTDOWN_MS: 0 };
  }

  async deliver(access: ClusterAccess, topic: string, records: readonly OutgoingRecord[], timeoutMs: number): Promise<void> {
    const cluster = new KafkaCluster(access, 'tocsin-push', this.#config);
    const delivery = this.#publish(cluster, topic, records, Date.now() + timeoutMs - FAILURE_MARGIN_MS);
    // Not awaited, because a hanging connection takes long to close.
    const closeCluster = (): void => void cluster.close().catch(() => undefined);
    try {
      await within(timeoutMs, delivery, () => new Error(`not acknowledged within ${timeoutMs} ms`));
    } finally {
      closeCluster();
      // A connection that was being established at the timeout still opens, so close it then.
      delivery.then(closeCluster, closeCluster);
    }
  }

  async #publish(cluster: KafkaCluster, topic: string, records: readonly OutgoingRecord[], deadline: number): Promise<void> {
    const count = await cluster.partitions(topic);
    const placed = records.map((record) => ({ ...record, partition: this.#partitioning.partition(topic, record.key, count) }));
    const remainingMs = deadline - Date.now();
    if (remainingMs <= 0) throw new Error('response of the cluster arrived after the timeout');
    const producers = cluster.producers(new ProducerWatch(), (physical) => physical);
    await producers.send(topic, placed, remainingMs);
  }
}
