import { Logger } from '@nestjs/common';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Config } from '../../config.js';
import type { AuditService } from '../../database/audit.service.js';
import { passingTrouble } from '../../database/failures.js';
import { system } from '../../shared/actor.js';
import { PoisonError } from '../../shared/errors.js';
import { Mutex } from '../../database/mutex.js';
import { type Claim, ClaimedBatch } from './claimed-batch.js';
import { commitPolicyOf } from '../../shared/commit-policy.js';
import { boundsOf } from '../bounds.js';
import type { Consumes } from './consumes.js';
import type { ConsumerWatch } from './consumer-watch.service.js';
import { type CursorRepository, FencedError } from '../cursor.repository.js';
import { groupTransport } from './groups.js';
import type { PartitionPause } from './partition-pause.js';
import type { PartitionPauseRepository } from './partition-pause.repository.js';
import type { BatchControl, ConsumerState, GroupConsumer, EventLog, PartitionListener, RecordBatch, TopicPartition } from '../event-log.js';
import { orderingKeyOf } from './ordering-key.js';
import { type PartitionFault, PartitionPauses } from './partition-pauses.js';
import { PoisonLimit } from './poison-limit.js';

const name = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

const gap = (from: number, to: number): string => `records ${from} to ${to} were deleted from the log`;

/** What keeps a partition from going on at `start`, with its cursor at `next`. */
function faultOf(next: number, start: number, { low, high }: { readonly low: number; readonly high: number }): PartitionFault | undefined {
  if (next > high) return { code: 'T6102', why: `cursor ${next} is beyond the log end offset ${high}` };
  return start < low ? { code: 'T6101', why: gap(start, low - 1) } : undefined;
}

/** Records are missing, or the consumer must not go on for another reason that only people can remove. */
export class StoppedError extends Error {}

/**
 * Nest transport of one consumer group: hands every batch of the log to the method that `@Consume` bound, after it has claimed the partition.
 * It decides where a partition starts, notices gaps and lost ownership, and never lets an error reach the client library.
 */
export class LogServer extends Server implements CustomTransportStrategy, PartitionListener {
  readonly #logger: Logger;
  readonly #claims = new Map<string, Claim>();
  readonly #holds: PartitionPauses;
  readonly #poison = new Map<string, PoisonLimit>();
  /** One thing at a time for each partition: a batch, or the commit of what waits. */
  readonly #busy = new Map<string, Mutex>();
  #consumer: GroupConsumer | undefined;
  #flushing: NodeJS.Timeout | undefined;

  constructor(
    readonly group: string,
    private readonly eventLog: EventLog,
    private readonly cursors: CursorRepository,
    private readonly config: Config,
    private readonly watch: ConsumerWatch,
    holds: PartitionPauseRepository,
    private readonly audit: AuditService,
  ) {
    super();
    // Not where it is declared: private fields come before the parameters.
    this.#logger = new Logger(`consumer ${group}`);
    this.#holds = new PartitionPauses(group, holds);
    this.transportId = groupTransport(group);
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.#consumer = await this.eventLog.subscribe({
        group: this.group,
        topics: [...this.messageHandlers.keys()],
        maxRecords:
          this.config.STAGE_BATCH_RECORDS.get(this.group) ?? (this.#stateful ? this.config.DETECT_BATCH_RECORDS : this.config.BATCH_RECORDS),
        listener: this,
        commits: commitPolicyOf(this.config.COMMIT_POLICY, this.group),
        observer: this.watch.observer(this.group),
      });
      if (this.#stateful) this.#flushing = setInterval(() => void this.#flushAll(), this.config.DETECT_COMMIT_MS);
      callback();
    } catch (error) {
      callback(error);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#flushing);
    await this.#consumer?.stop();
  }

  /** Commits what stateful partitions have handled but not yet committed. A failure costs nothing: the records come again. */
  async #flushAll(): Promise<void> {
    for (const claim of this.claims()) {
      if (claim.position > claim.committed && Date.now() - claim.committedAt >= this.config.DETECT_COMMIT_MS) await this.#flush(claim, false);
    }
  }

  async releasing(at: TopicPartition): Promise<void> {
    const claim = this.#claims.get(name(at));
    if (claim && this.#stateful && this.#holds.of(at)?.kind !== 'stopped') await this.#flush(claim, true);
  }

  async #flush(claim: Claim, leaving: boolean): Promise<void> {
    const release = await this.#mutex(claim).acquire();
    try {
      // Who is still in the replay has nothing that the database does not have.
      if (claim.lost || claim.position < claim.committed) return;
      await this.#handle(new ClaimedBatch(claim, [], false, undefined, leaving));
      this.#consumer?.commit(claim, claim.committed);
    } catch (error) {
      this.#distrust(claim, error);
      this.#consumer?.restart(claim);
    } finally {
      release();
    }
  }

  #mutex(at: TopicPartition): Mutex {
    let mutex = this.#busy.get(name(at));
    if (!mutex) this.#busy.set(name(at), (mutex = new Mutex()));
    return mutex;
  }

  /** Not used: nothing listens to events of the transport itself. */
  on(): void {}

  unwrap<T>(): T {
    return this.#consumer as T;
  }

  state(): ConsumerState | undefined {
    const state = this.#consumer?.state();
    if (!state) return undefined;
    const holds = this.#holds.all();
    const problem = holds.flatMap((hold) => (hold.kind === 'stopped' ? [`${name(hold)}: ${hold.code} ${hold.why}`] : [])).join('; ');
    const pauses = holds.filter(({ kind }) => kind === 'paused');
    return { ...state, ...(problem && { problem }), ...(pauses.length > 0 && { pauses }) };
  }

  claims(): readonly Claim[] {
    return [...this.#claims.values()].filter((claim) => !claim.lost);
  }

  async assigned(at: TopicPartition, generation: number): Promise<number> {
    const release = await this.#mutex(at).acquire();
    try {
      return await this.#assigned(at, generation);
    } finally {
      release();
    }
  }

  async #assigned(at: TopicPartition, generation: number): Promise<number> {
    const kept = this.#claims.get(name(at));
    const claim = (kept && !kept.lost && (await this.#renewed(kept, generation))) || (await this.#claim(at, generation));
    this.eventLog.acquireOrderingKey(orderingKeyOf(this.group, at));
    if (this.#holds.of(at)) this.#consumer?.pause(at);
    return claim.position;
  }

  async #renewed(claim: Claim, generation: number): Promise<Claim | undefined> {
    try {
      await this.cursors.renew(this.group, claim, claim.epoch, generation, Date.now());
      return claim;
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
      return undefined;
    }
  }

  /** Claims the partition and, for a stage with memory, lets it load its state before any record comes. */
  async #claim(at: TopicPartition, generation: number): Promise<Claim> {
    const refused = this.#claims.get(name(at))?.refused ?? new Map<number, PoisonError>();
    this.#drop(at);
    const bounds = await boundsOf(this.eventLog, at);
    if (!bounds) throw new Error(`${name(at)} does not exist`);
    const cursor = await this.cursors.claim(this.group, at, generation, bounds.low, Date.now());
    if (!cursor) throw new FencedError('owned by a newer generation');
    const start = this.#stateful ? cursor.stateOffset : cursor.nextOffset;
    const claim: Claim = {
      group: this.group,
      topic: at.topic,
      partition: at.partition,
      epoch: cursor.epoch,
      stateOffset: cursor.stateOffset,
      committed: cursor.nextOffset,
      position: start,
      committedAt: Date.now(),
      lost: false,
      refused,
    };
    this.#claims.set(name(at), claim);
    // An owner before us may have gone on after the first look; only from the claim on nobody else moves the cursor.
    const fault = faultOf(cursor.nextOffset, start, bounds) && (await this.#fault(at, cursor.nextOffset, start));
    if (await this.#holds.claim(at, fault, Date.now())) await this.#tell(at, fault!);
    if (!fault && this.#stateful) await this.#handle(new ClaimedBatch(claim, [], start < cursor.nextOffset));
    return claim;
  }

  revoked(at: TopicPartition): void {
    this.#drop(at);
    this.#holds.forget(at);
    this.eventLog.releaseOrderingKey(orderingKeyOf(this.group, at));
  }

  #drop(at: TopicPartition): void {
    const claim = this.#claims.get(name(at));
    if (claim) claim.lost = true;
    this.#claims.delete(name(at));
  }

  async batch(batch: RecordBatch, control: BatchControl): Promise<void> {
    const release = await this.#mutex(batch).acquire();
    try {
      await this.#batch(batch, control);
    } finally {
      release();
    }
  }

  async #batch(batch: RecordBatch, control: BatchControl): Promise<void> {
    const claim = this.#claims.get(name(batch));
    if (!claim || claim.lost) throw new FencedError('not acquired');
    const hold = this.#holds.of(batch);
    if (hold) {
      this.#consumer?.pause(batch);
      throw new StoppedError(hold.why);
    }
    const records = batch.records.filter(({ offset }) => offset >= claim.position);
    const first = records[0];
    if (!first) return this.#checkEnd(claim);
    if (first.offset > claim.position) await this.#checkGap(claim, first.offset);
    const replayed = records.filter(({ offset }) => offset < claim.committed);
    const from = performance.now();
    try {
      if (replayed.length > 0) await this.#handle(new ClaimedBatch(claim, replayed, true, () => control.heartbeat()));
      const live = replayed.length > 0 ? records.slice(replayed.length) : records;
      if (live.length > 0) await this.#handle(new ClaimedBatch(claim, live, false, () => control.heartbeat()));
    } catch (error) {
      this.#distrust(claim, error);
      throw error;
    }
    this.watch.handled(this.group, batch, claim.position, performance.now() - from);
    await control.commit(claim.committed);
  }

  /** After a failure the memory of a stateful stage may be half done, and a fenced claim is over: claim anew before the next try. */
  #distrust(claim: Claim, error: unknown): void {
    if (error instanceof PoisonError && error.offset !== undefined) claim.refused.set(error.offset, error);
    if (this.#stateful || error instanceof FencedError) claim.lost = true;
    const trouble = passingTrouble(error);
    this.watch.failed(claim, error instanceof FencedError ? 'fenced' : (trouble ?? 'error'));
    const detail = error instanceof Error ? error.message : String(error);
    if (error instanceof PoisonError)
      this.#logger.warn(`${name(claim)} at ${error.offset ?? claim.position}: ${detail}; sent to the dead-letter topic`);
    else if (error instanceof FencedError) this.#logger.warn(`${name(claim)}: ${detail}; acquiring the partition again`);
    else if (trouble) this.#logger.warn(`${name(claim)} at ${claim.position}: ${detail} (${trouble}); retrying the batch`);
    else this.#logger.error(`${name(claim)} at ${claim.position}: ${detail}; retrying the batch`, error instanceof Error ? error.stack : undefined);
  }

  /** Records that all lie below our position: what came late, or a topic that was made anew and has not grown as far as we were. */
  async #checkEnd(claim: Claim): Promise<void> {
    const fault = await this.#fault(claim, claim.position, claim.position);
    if (!fault) return;
    await this.#stop(claim, fault);
    throw new StoppedError(fault.why);
  }

  async #fault(at: TopicPartition, next: number, start: number): Promise<PartitionFault | undefined> {
    const bounds = await boundsOf(this.eventLog, at);
    return bounds && faultOf(next, start, bounds);
  }

  async #checkGap(claim: Claim, first: number): Promise<void> {
    const bounds = await boundsOf(this.eventLog, claim);
    // Control records and compaction leave holes; only what retention has deleted is lost.
    if (bounds && bounds.low <= claim.position) return;
    await this.#stop(claim, { code: 'T6101', why: gap(claim.position, first - 1) });
    throw new StoppedError('gap');
  }

  /** Stops a partition until people decide. Never a silent jump: it is in the audit table, in the log, and readiness is red. */
  async #stop(at: TopicPartition, fault: PartitionFault): Promise<void> {
    await this.#holds.stop(at, fault, this.config.INSTANCE_ID, Date.now());
    this.#consumer?.pause(at);
    await this.#tell(at, fault);
  }

  async #tell(at: TopicPartition, { code, why }: PartitionFault): Promise<void> {
    this.#logger.error(`${name(at)} halted: ${code} ${why}`);
    await this.audit.record(
      {
        actor: system(this.config.INSTANCE_ID),
        action: 'partition.halted',
        object: { kind: 'partition', id: `${this.group} ${name(at)}` },
        why: `${code} ${why}`,
      },
      Date.now(),
    );
  }

  /** Takes over what the rows said at `readAt` (epoch ms) of the partitions that this replica has. */
  follow(holds: readonly PartitionPause[], readAt: number): void {
    for (const { topic, partition } of this.#consumer?.state().assigned ?? []) {
      const at = { topic, partition };
      const turn = this.#holds.follow(at, holds, readAt);
      if (!turn) continue;
      this.#logger.log(`${name(at)} ${turn.held ? `paused: ${this.#holds.of(at)?.why}` : 'resumed'}`);
      if (turn.held) this.#consumer?.pause(at);
      else this.#consumer?.resume(at);
      if (!turn.restart) continue;
      this.#poison.delete(name(at));
      this.#consumer?.restart(at);
    }
  }

  async #handle(batch: ClaimedBatch): Promise<void> {
    const handler = this.getHandlerByPattern(batch.topic);
    if (!handler) throw new Error(`no handler for topic ${batch.topic}`);
    const result: unknown = await handler(batch, batch);
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    if (batch.replay || batch.raw.length === 0) return;
    this.watch.poisoned(batch);
    const poison = new Set(batch.poison.map(({ record }) => record.offset));
    const why = this.#poisonLimit(batch).note(batch.raw.map(({ offset }) => poison.has(offset)));
    if (why) await this.#stop(batch, { code: 'T6103', why });
  }

  #poisonLimit(at: TopicPartition): PoisonLimit {
    let limit = this.#poison.get(name(at));
    const { POISON_WINDOW: window, POISON_PERCENT: percent, POISON_MAX_CONSECUTIVE: run } = this.config;
    if (!limit) this.#poison.set(name(at), (limit = new PoisonLimit({ window, percent, run })));
    return limit;
  }

  get #stateful(): boolean {
    return [...this.messageHandlers.values()].some((handler) => (handler.extras as Consumes | undefined)?.options.stateful);
  }
}
