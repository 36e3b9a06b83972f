import type { Cluster, ClusterAccess } from '../log/cluster.js';
import { clusterKey } from './reconcile.js';

/** Shares one connection among all sources with the same access to a cluster; the connection is closed after its last user has left. */
export class SharedClusters {
  readonly #open = new Map<string, { readonly cluster: Cluster; users: number }>();

  constructor(private readonly openCluster: (access: ClusterAccess) => Cluster) {}

  get size(): number {
    return this.#open.size;
  }

  take(access: ClusterAccess): Cluster {
    const key = clusterKey(access);
    const shared = this.#open.get(key) ?? { cluster: this.openCluster(access), users: 0 };
    this.#open.set(key, shared);
    shared.users++;
    return shared.cluster;
  }

  async leave(access: ClusterAccess): Promise<void> {
    const key = clusterKey(access);
    const shared = this.#open.get(key);
    if (!shared || --shared.users > 0) return;
    this.#open.delete(key);
    await shared.cluster.close();
  }
}
