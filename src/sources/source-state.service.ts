import { Injectable } from '@nestjs/common';
import { Clusters, type Cluster } from '../log/cluster.js';
import { CursorRepository } from '../log/cursor.repository.js';
import { PartitionPauseRepository } from '../log/consuming/partition-pause.repository.js';
import type { TopicPartition } from '../log/event-log.js';
import { Secrets } from '../runtime/secrets.service.js';
import { TocsinError } from '../shared/errors.js';
import { accessOf } from './reconcile.js';
import { ReplicaRepository } from './replica.repository.js';
import { cursorGroup, type KafkaSource, type Source } from '../access/registry/source.js';
import { openSecrets } from './source.service.js';
import { SourceReader } from '../access/registry/source.reader.js';
import { SourceRepository } from '../access/registry/source.repository.js';
import { positionFault } from '../log/consuming/position-fault.js';
import { clusterFaultTexts } from './start-position.js';
import { type SourceSummary, sourceSummary } from './source-state.js';

/** A partition that was resumed, and the offset from which it continues. */
export interface ResumedSourcePartition extends TopicPartition {
  readonly from: number;
  readonly to: number;
  /** Why it was halted. */
  readonly why: string;
}

/** Reports the state of sources on all replicas, and resumes halted partitions. */
@Injectable()
export class SourceStateService {
  constructor(
    private readonly reader: SourceReader,
    private readonly sources: SourceRepository,
    private readonly replicas: ReplicaRepository,
    private readonly secrets: Secrets,
    private readonly clusters: Clusters,
    private readonly cursors: CursorRepository,
    private readonly pauses: PartitionPauseRepository,
  ) {}

  /** Every source. */
  async all(): Promise<SourceSummary[]> {
    const alive = await this.replicas.alive();
    return (await this.reader.all()).map((source) => sourceSummary(source, alive));
  }

  /** Throws {@link TocsinError} T7021. */
  async of(name: string): Promise<SourceSummary> {
    return sourceSummary(await this.#named(name), await this.replicas.alive());
  }

  /**
   * Resumes halted partitions: a partition whose position no longer exists continues at the earliest or latest offset, a partition that exceeded the
   * poison-record limit continues at its position. Throws {@link TocsinError} T7021, T7028, and when the cluster is unavailable.
   */
  async resume(name: string, to: 'earliest' | 'latest', now: number): Promise<ResumedSourcePartition[]> {
    const stored = await this.sources.named(name);
    if (!stored) throw new TocsinError('T7021', name);
    if (stored.source.kind !== 'kafka') throw new TocsinError('T7028', `${name} has kind ${stored.source.kind}, which has no partitions to resume`);
    const cluster = this.clusters.open(accessOf(stored.source, openSecrets(this.secrets, name, stored.secrets)), `tocsin-resume-${name}`);
    try {
      const moved = await this.#moveLost(stored.source, cluster, to, now);
      return [...moved, ...(await this.#forgetStops(name, moved, now))];
    } finally {
      await cluster.close();
    }
  }

  async #moveLost({ name }: KafkaSource, cluster: Cluster, to: 'earliest' | 'latest', now: number): Promise<ResumedSourcePartition[]> {
    const cursors = await this.cursors.of(cursorGroup(name));
    const existing = await cluster.topics();
    const resumed: ResumedSourcePartition[] = [];
    for (const topic of new Set(cursors.map((cursor) => cursor.topic))) {
      if (!existing.has(topic)) continue;
      const bounds = new Map((await cluster.offsets(topic)).map((each) => [each.partition, each]));
      for (const { partition, nextOffset, epoch } of cursors.filter((cursor) => cursor.topic === topic)) {
        const at = { topic, partition };
        const bound = bounds.get(partition);
        const fault = bound && positionFault({ committed: nextOffset, position: nextOffset }, bound, clusterFaultTexts);
        if (!fault) continue;
        const target = to === 'earliest' ? bound.low : bound.high;
        const moved = await this.cursors.relocate(cursorGroup(name), at, { nextOffset: target, stateOffset: target }, epoch, now);
        if (moved) resumed.push({ ...at, from: nextOffset, to: target, why: fault.why });
      }
    }
    return resumed;
  }

  async #forgetStops(name: string, moved: readonly TopicPartition[], now: number): Promise<ResumedSourcePartition[]> {
    const stops = (await this.pauses.all(now)).filter(({ group, kind }) => group === cursorGroup(name) && kind === 'stopped');
    const resumed: ResumedSourcePartition[] = [];
    for (const stop of stops) {
      await this.pauses.remove(stop);
      const { topic, partition, why } = stop;
      if (moved.some((each) => each.topic === topic && each.partition === partition)) continue;
      const position = (await this.cursors.read(stop.group, stop))?.nextOffset ?? 0;
      resumed.push({ topic, partition, from: position, to: position, why });
    }
    return resumed;
  }

  async #named(name: string): Promise<Source> {
    const found = (await this.reader.all()).find((source) => source.name === name);
    if (!found) throw new TocsinError('T7021', name);
    return found;
  }
}
