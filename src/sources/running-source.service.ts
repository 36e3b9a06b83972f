import type { AssignedConsumer, Cluster } from '../log/cluster.js';
import type { LogConsumer, TopicPartition } from '../log/event-log.js';
import { distribute, movement } from './distribution.js';
import type { DesiredSource } from './reconcile.js';
import { cursorGroup, type KafkaSource } from '../access/registry/source.js';
import { SourceConsumer, type SourceServices } from './source-consumer.service.js';
import type { SourceState } from './source-state.js';
import { selectedTopics, wholeName } from '../access/registry/topic-pattern.js';
import { messageOf } from '../shared/error-message.js';

/** A source that runs on this replica: its client and the consumer of its records. */
export class RunningSource {
  readonly consumer: SourceConsumer;
  #client: LogConsumer | undefined;
  #assigned: AssignedConsumer | undefined;
  #own: readonly TopicPartition[] = [];
  /** Why the explicit partitions cannot be listed. */
  #problem: string | undefined;
  #following: Promise<void> | undefined;
  #looked: { readonly at: number; readonly topics: ReadonlyMap<string, number> } | undefined;
  #stopped = false;

  constructor(
    public desired: DesiredSource,
    private readonly cluster: Cluster,
    private readonly services: SourceServices,
  ) {
    this.consumer = new SourceConsumer(desired.source, cluster, services);
  }

  get #source(): KafkaSource {
    return this.desired.source;
  }

  /** Returns before the connection is established; problems appear in {@link state}. */
  start(): void {
    if (this.#stopped) return;
    const { name, mode, topics, pattern, group_id: groupId = `${this.services.config.GROUP_PREFIX}.${cursorGroup(name)}` } = this.#source;
    const common = { maxRecords: this.services.config.BATCH_RECORDS, listener: this.consumer.partitions };
    if (mode === 'assign') {
      this.#assigned = this.cluster.assign({ ...common, group: cursorGroup(name), partitions: [] });
      this.#client = this.#assigned;
    } else {
      const which = pattern === undefined ? { topics: topics ?? [] } : { topics: [], pattern: wholeName(pattern) };
      this.#client = this.cluster.subscribe({ ...common, ...which, group: groupId });
    }
    this.consumer.client = this.#client;
  }

  adjust(desired: DesiredSource): void {
    this.desired = desired;
    this.#looked = undefined;
    this.consumer.adjust(desired.source);
  }

  /** With explicit partitions: acquires this replica's share. Calls do not overlap; a cluster that does not respond delays only its own source. */
  follow(self: string, living: readonly string[]): Promise<void> {
    if (!this.#assigned || this.#stopped) return Promise.resolve();
    return (this.#following ??= this.#follow(self, living).finally(() => (this.#following = undefined)));
  }

  async #follow(self: string, living: readonly string[]): Promise<void> {
    try {
      const { found, problem } = this.#found(await this.#topics());
      const group = cursorGroup(this.#source.name);
      await this.services.claims.cursors.releaseDead(group, living);
      const owners = new Map(
        (await this.services.claims.cursors.of(group)).map(({ topic, partition, owner }) => [`${topic}/${partition}`, owner || undefined]),
      );
      const held = found.map((at) => ({ ...at, owner: owners.get(`${at.topic}/${at.partition}`) }));
      await this.#move(distribute(held, living).get(self) ?? []);
      this.#problem = problem;
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  async #move(wanted: readonly TopicPartition[]): Promise<void> {
    const { taken, left } = movement(this.#own, wanted);
    if (this.#stopped || taken.length + left.length === 0) return;
    await Promise.all(left.map((at) => this.consumer.partitions.releasing(at)));
    if (this.#stopped) return;
    this.#own = wanted;
    this.#assigned?.assign(wanted);
  }

  async #topics(): Promise<ReadonlyMap<string, number>> {
    const now = Date.now();
    if (!this.#looked || now - this.#looked.at >= this.services.config.SOURCES_RECONCILE_MS) {
      this.#looked = { at: now, topics: await this.cluster.topics() };
    }
    return this.#looked.topics;
  }

  #found(existing: ReadonlyMap<string, number>): { found: TopicPartition[]; problem: string | undefined } {
    const { topics, missing } = selectedTopics(this.#source, existing.keys());
    const wanted = this.#source.partitions;
    const found = topics.flatMap((topic) => {
      const all = Array.from({ length: existing.get(topic)! }, (_, partition) => partition);
      return all.filter((partition) => wanted?.includes(partition) ?? true).map((partition) => ({ topic, partition }));
    });
    const beyond = (wanted ?? []).filter((partition) => !found.some((each) => each.partition === partition));
    if (missing.length > 0) return { found, problem: `topics not found on the cluster: ${missing.join(', ')}` };
    return { found, problem: beyond.length > 0 && topics.length > 0 ? `partitions not found: ${beyond.join(', ')}` : undefined };
  }

  state(): SourceState {
    const { status = 'connecting', problem } = this.#client?.state() ?? {};
    const why = problem ?? this.#problem ?? this.consumer.problem;
    return { name: this.#source.name, status, partitions: this.consumer.states(), ...(why !== undefined && { problem: why }) };
  }

  async stop(ms: number): Promise<void> {
    this.#stopped = true;
    await this.#following;
    await this.consumer.stop(ms);
  }
}
