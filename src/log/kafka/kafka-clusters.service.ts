import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config.js';
import { type Cluster, type ClusterAccess, Clusters } from '../cluster.js';
import { KafkaCluster } from './kafka-cluster.client.js';

/** External clusters through kafkajs, in both modes. Closes those that are still open at shutdown. */
@Injectable()
export class KafkaClusters extends Clusters implements OnApplicationShutdown {
  readonly #open = new Set<KafkaCluster>();

  constructor(private readonly config: Config) {
    super();
  }

  open(access: ClusterAccess, clientId: string): Cluster {
    const cluster = new KafkaCluster(access, clientId, this.config, () => this.#open.delete(cluster));
    this.#open.add(cluster);
    return cluster;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.#open].map((cluster) => cluster.close()));
  }
}
