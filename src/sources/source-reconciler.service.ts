import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Clusters } from '../log/cluster.js';
import { Background } from '../runtime/background.decorator.js';
import { Secrets } from '../runtime/secrets.service.js';
import { PeriodicTask } from '../shared/periodic-task.js';
import { accessOf, type SourceAction, type DesiredSource, reconcile } from './reconcile.js';
import { ReplicaRepository } from './replica.repository.js';
import type { RunningSource } from './running-source.service.js';
import { SharedClusters } from './shared-clusters.js';
import { SourceRunner } from './source-runner.service.js';
import { openSecrets } from './source.service.js';
import { SourceReader } from '../access/registry/source.reader.js';
import type { StoredSource } from '../access/registry/source.repository.js';
import type { SourceState } from './source-state.js';
import { messageOf } from '../shared/error-message.js';

/**
 * Runs the declared sources on this replica: one consumer for each Kafka source, one connection for each cluster. Reconciles at once after a change
 * on this replica, within two seconds after a change on another one, and every SOURCES_RECONCILE_MS. Sources that match their declaration are not
 * touched, and a failure affects only its own source.
 */
@Injectable()
export class SourceReconciler implements OnModuleDestroy {
  readonly #logger = new Logger('sources');
  readonly #running = new Map<string, RunningSource>();
  /** By source name: actions in progress, which must end before the next action on that source begins. */
  readonly #chains = new Map<string, Promise<void>>();
  /** Sources that cannot be started, and why. */
  #unusable = new Map<string, string>();
  readonly #clusters: SharedClusters;
  readonly #task: PeriodicTask;
  #again = true;
  #lastRound = 0;
  #lastBeat = 0;
  #living: readonly string[] = [];

  constructor(
    private readonly runner: SourceRunner,
    private readonly reader: SourceReader,
    private readonly replicas: ReplicaRepository,
    private readonly secrets: Secrets,
    clusters: Clusters,
  ) {
    const { config } = runner;
    this.#clusters = new SharedClusters((access) => clusters.open(access, `${config.GROUP_PREFIX}-${config.INSTANCE_ID}`));
    this.#task = new PeriodicTask({
      name: 'reconciling sources',
      everyMs: Math.min(1000, config.LEASE_MS / 3, config.SOURCES_RECONCILE_MS),
      run: () => this.#round(Date.now()),
      logger: this.#logger,
    });
  }

  @Background()
  reconciling(): PeriodicTask {
    this.reader.onChange(() => {
      this.#again = true;
      this.#task.wake();
    });
    return this.#task;
  }

  /** The sources of this replica, by name. */
  running(): ReadonlyMap<string, RunningSource> {
    return this.#running;
  }

  states(): SourceState[] {
    const failed = [...this.#unusable].map(([name, problem]): SourceState => ({ name, status: 'stopped', partitions: [], problem }));
    return [...[...this.#running.values()].map((source) => source.state()), ...failed];
  }

  async #round(now: number): Promise<void> {
    const { LEASE_MS, SOURCES_RECONCILE_MS } = this.runner.config;
    if (this.#again || now - this.#lastRound >= SOURCES_RECONCILE_MS) {
      this.#again = false;
      await this.#compare();
      this.#lastRound = now;
    }
    await this.#followPauses(now);
    if (now - this.#lastBeat < LEASE_MS / 3 && this.#running.size === 0) return;
    if (now - this.#lastBeat >= LEASE_MS / 3) await this.#beat(now);
    // Not awaited: a cluster that does not respond must delay neither the other sources nor the heartbeat of this replica.
    for (const source of this.#running.values()) void source.follow(this.runner.config.INSTANCE_ID, this.#living);
  }

  async #compare(): Promise<void> {
    try {
      this.#reconcile(await this.reader.stored());
    } catch (error) {
      this.#again = true;
      throw error;
    }
  }

  async #followPauses(now: number): Promise<void> {
    if (this.#running.size === 0) return;
    const pauses = await this.runner.pauses.all(now);
    for (const { consumer } of this.#running.values()) consumer.follow(pauses, now);
  }

  async #beat(now: number): Promise<void> {
    await this.replicas.beat(this.states());
    this.#living = (await this.replicas.alive()).map(({ instance }) => instance);
    this.#lastBeat = now;
  }

  #reconcile(stored: readonly StoredSource[]): void {
    const unusable = new Map<string, string>();
    const desired = stored.flatMap((each) => this.#desired(each, unusable));
    this.#unusable = unusable;
    const actual = new Map([...this.#running].filter(([name]) => !unusable.has(name)).map(([name, source]) => [name, source.desired]));
    for (const action of reconcile(desired, actual)) this.#act(action);
  }

  /** Empty for a source whose secrets cannot be decrypted; if it is running, it keeps the previous ones. */
  #desired({ source, secrets }: StoredSource, unusable: Map<string, string>): DesiredSource[] {
    if (source.kind !== 'kafka') return [];
    try {
      return [{ source, access: accessOf(source, source.is_enabled ? openSecrets(this.secrets, source.name, secrets) : {}) }];
    } catch (error) {
      unusable.set(source.name, messageOf(error));
      return [];
    }
  }

  #act(action: SourceAction): void {
    const { kind, name, reason } = action;
    this.#logger.log(`${name}: ${kind}, ${reason}`);
    const running = this.#running.get(name);
    if (kind === 'adjust') return running?.adjust(action.desired);
    if (running) {
      this.#running.delete(name);
      this.#after(name, () => this.#end(running));
    }
    if (kind === 'stop') return;
    const started = this.runner.run(action.desired, this.#clusters.take(action.desired.access));
    this.#running.set(name, started);
    this.#after(name, () => started.start());
  }

  async #end(running: RunningSource): Promise<void> {
    await running.stop(this.runner.config.SHUTDOWN_MS / 2);
    await this.#clusters.leave(running.desired.access);
  }

  #after(name: string, work: () => void | Promise<void>): void {
    const before = this.#chains.get(name) ?? Promise.resolve();
    const next = before.then(work).catch((error: unknown) => this.#logger.warn(`${name}: ${messageOf(error)}`));
    this.#chains.set(name, next);
    void next.then(() => this.#chains.get(name) === next && this.#chains.delete(name));
  }

  /** Runs before the log closes: batches in flight are finished. */
  async onModuleDestroy(): Promise<void> {
    await this.#task.stop();
    for (const [name, running] of this.#running) this.#after(name, () => this.#end(running));
    await Promise.all(this.#chains.values());
    this.#running.clear();
    if (this.#task.isStarted) await this.replicas.leave().catch(() => undefined);
  }
}
