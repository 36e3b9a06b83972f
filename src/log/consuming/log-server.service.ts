import { Logger } from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Config } from '../../config.js';
import { commitPolicyOf } from '../../shared/commit-policy.js';
import type { CursorRepository } from '../cursor.repository.js';
import type { ConsumerState, EventLog, GroupConsumer } from '../event-log.js';
import { partitionName } from '../topic-partition.js';
import type { Claim, ClaimedBatch } from './claimed-batch.js';
import type { ConsumerWatch } from './consumer-watch.service.js';
import type { Consumes } from './consumes.js';
import { groupTransport } from './groups.js';
import type { PartitionConsumer } from './partition-consumer.service.js';
import { PartitionConsumers } from './partition-consumers.service.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauses } from './partition-pauses.service.js';
import type { PauseService } from './pause.service.js';
import { logFaultTexts } from './position-fault.js';
import { StageSteps } from './stage-steps.service.js';

/** Dependencies that the transports of all consumer groups share. */
export interface LogServerDependencies {
  readonly eventLog: EventLog;
  readonly cursors: CursorRepository;
  readonly config: Config;
  readonly watch: ConsumerWatch;
  readonly pauses: PauseService;
}

/** Nest transport of one consumer group: binds the methods of `@Consume` to its partition consumers, and commits waiting batches in time. */
export class LogServer extends Server implements CustomTransportStrategy {
  readonly #logger: Logger;
  readonly #pauses: PartitionPauses;
  readonly #steps: StageSteps;
  readonly #partitions: PartitionConsumers<Claim>;
  #client: GroupConsumer | undefined;
  #flushing: NodeJS.Timeout | undefined;

  constructor(
    readonly group: string,
    private readonly dependencies: LogServerDependencies,
  ) {
    super();
    const { eventLog, cursors, config, watch, pauses } = dependencies;
    // Assigned here, because private fields are initialized before the parameter properties.
    this.#logger = new Logger(`consumer ${group}`);
    this.#pauses = pauses.of({ name: group, logger: this.#logger, remedy: '' });
    const [logger, isStateful, dispatch] = [this.#logger, () => this.#isStateful, (batch: ClaimedBatch) => this.#dispatch(batch)];
    this.#steps = new StageSteps({ group, eventLog, cursors, watch, logger, isStateful, dispatch });
    const consumed = {
      name: group,
      eventLog,
      cursors,
      pauses: this.#pauses,
      steps: this.#steps,
      poisonLimits: { window: config.POISON_WINDOW, percent: config.POISON_PERCENT, run: config.POISON_MAX_CONSECUTIVE },
      faultTexts: logFaultTexts,
      logger,
      whilePaused: 'idle' as const,
      generationOf: (generation: number) => generation,
      client: () => this.#client,
    };
    this.#partitions = new PartitionConsumers(consumed, (partition) => this.#release(partition));
    this.transportId = groupTransport(group);
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    const { eventLog, config, watch } = this.dependencies;
    const byDefault = this.#isStateful ? config.DETECT_BATCH_RECORDS : config.BATCH_RECORDS;
    try {
      this.#client = await eventLog.subscribe({
        group: this.group,
        topics: [...this.messageHandlers.keys()],
        maxRecords: config.STAGE_BATCH_RECORDS.get(this.group) ?? byDefault,
        listener: this.#partitions,
        commits: commitPolicyOf(config.COMMIT_POLICY, this.group),
        observer: watch.observer(this.group),
      });
      if (this.#isStateful) this.#flushing = setInterval(() => void this.#flushAll(), config.DETECT_COMMIT_MS);
      callback();
    } catch (error) {
      callback(error);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#flushing);
    await this.#client?.stop();
  }

  /** Commits the batches that stateful partitions have handled but not yet committed. A failure loses nothing: the records are redelivered. */
  async #flushAll(): Promise<void> {
    const { DETECT_COMMIT_MS } = this.dependencies.config;
    for (const { partition, claimed } of this.#partitions.claimed()) {
      if (claimed.position > claimed.committed && Date.now() - claimed.committedAt >= DETECT_COMMIT_MS) await this.#flush(partition, false);
    }
  }

  async #release(partition: PartitionConsumer<Claim>): Promise<void> {
    if (this.#isStateful && this.#pauses.of(partition.at)?.kind !== 'stopped') await this.#flush(partition, true);
  }

  #flush(partition: PartitionConsumer<Claim>, leaving: boolean): Promise<void> {
    return partition.alone(async () => {
      const { claimed, at } = partition;
      // During a replay the cursor is ahead of the position, so there is nothing to commit.
      if (!claimed || claimed.lost || claimed.position < claimed.committed) return;
      try {
        await this.#steps.flush(claimed, leaving);
        this.#client?.commit(at, claimed.committed);
      } catch (error) {
        this.#steps.failed(claimed, at, error);
        // A revoked partition has neither a claim nor an assignment in the client.
        if (partition.claimed === claimed) this.#client?.restart(at);
      }
    });
  }

  /** Not used: nothing listens to events of the transport itself. */
  on(): void {}

  unwrap<T>(): T {
    return this.#client as T;
  }

  state(): ConsumerState | undefined {
    const state = this.#client?.state();
    if (!state) return undefined;
    const all = this.#pauses.all();
    const problem = all.flatMap((halt) => (halt.kind === 'stopped' ? [`${partitionName(halt)}: ${halt.code} ${halt.why}`] : [])).join('; ');
    const pauses = all.filter(({ kind }) => kind === 'paused');
    return { ...state, ...(problem && { problem }), ...(pauses.length > 0 && { pauses }) };
  }

  claims(): readonly Claim[] {
    return this.#partitions.claimed().map(({ claimed }) => claimed);
  }

  /** Follows the pauses and halts of the group, as their rows were at `readAt` (epoch ms). */
  follow(rows: readonly PartitionPause[], readAt: number): void {
    this.#partitions.follow(rows, readAt);
  }

  async #dispatch(batch: ClaimedBatch): Promise<void> {
    const handler = this.getHandlerByPattern(batch.topic);
    if (!handler) throw new Error(`no handler for topic ${batch.topic}`);
    const result: unknown = await handler(batch, batch);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }

  get #isStateful(): boolean {
    return [...this.messageHandlers.values()].some((handler) => (handler.extras as Consumes | undefined)?.options.stateful);
  }
}
