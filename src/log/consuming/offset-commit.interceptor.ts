import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Config } from '../../config.js';
import { Database } from '../../database/database.client.js';
import { AmbiguousCommitError } from '../../database/failures.js';
import { PoisonError } from '../../shared/errors.js';
import { commitReason, type CommitReason } from './commit-reason.js';
import { CONSUMES, type Consumes } from './consumes.js';
import type { Message } from './batch.js';
import type { ClaimedBatch, PoisonRecord } from './claimed-batch.js';
import { CursorRepository } from '../cursor.repository.js';
import { decodeMessage } from '../dead-letters.js';
import { Publisher } from '../publisher.service.js';
import { orderingKeyOf } from './ordering-key.js';

/**
 * The only place that commits. For every batch: parse it, run the handler in a database transaction whose first statement is the fence
 * (move the cursor by compare-and-set), stage the published messages, commit the database. Only then does the transport commit to the log.
 */
@Injectable()
export class OffsetCommitInterceptor implements NestInterceptor {
  constructor(
    private readonly database: Database,
    private readonly cursors: CursorRepository,
    private readonly publisher: Publisher,
    private readonly config: Config,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const batch = context.switchToRpc().getData<ClaimedBatch>();
    const consumes = Reflect.getMetadata(CONSUMES, context.getHandler()) as Consumes;
    return from(this.#run(batch, consumes, () => lastValueFrom(next.handle(), { defaultValue: undefined })));
  }

  async #run(batch: ClaimedBatch, consumes: Consumes, handle: () => Promise<unknown>): Promise<void> {
    const poison = this.#parse(batch, consumes);
    if (batch.replay) await this.database.transaction(handle, { discard: true });
    else await this.#apply(batch, consumes, poison, handle);
    batch.poison = poison;
    batch.claim.position = batch.end;
  }

  /** Fills the batch with the records that can be parsed; returns the others, and those that a handler has refused before. */
  #parse(batch: ClaimedBatch, { topic }: Consumes): PoisonRecord[] {
    const messages: Message<unknown>[] = [];
    const poison: PoisonRecord[] = [];
    for (const record of batch.raw) {
      try {
        const refused = batch.claim.refused.get(record.offset);
        if (refused) throw refused;
        const message = decodeMessage(topic, record, this.config.MAX_RECORD_BYTES, this.publisher.serializer);
        messages.push({ offset: record.offset, timestamp: record.timestamp, message });
      } catch (error) {
        if (!(error instanceof PoisonError)) throw error;
        poison.push({ record, error });
      }
    }
    batch.records = messages;
    return poison;
  }

  async #apply(batch: ClaimedBatch, consumes: Consumes, poison: readonly PoisonRecord[], handle: () => Promise<unknown>): Promise<void> {
    const { claim } = batch;
    const now = Date.now();
    let committed = false;
    try {
      committed = await this.database.transaction(
        async () => {
          await handle();
          for (const each of poison) this.publisher.deadLetter(batch.topic, batch.partition, claim.group, each, now);
          if (!this.#commitReason(batch, consumes, now)) return false;
          await this.database.begin();
          if (batch.hasCheckpoint) await this.cursors.moveState(claim.group, batch, claim.epoch, batch.end);
          return true;
        },
        {
          orderingKey: orderingKeyOf(claim.group, batch),
          onBegin: () => this.cursors.advance(claim, claim.committed, batch.end, now, consumes.options.stateful ?? false),
        },
      );
    } catch (error) {
      if (!(error instanceof AmbiguousCommitError) || !(await this.#applied(batch))) throw error;
      committed = true;
    }
    if (committed) {
      claim.committed = batch.end;
      claim.committedAt = now;
      for (const { record } of poison) claim.refused.delete(record.offset);
    }
  }

  #commitReason({ claim, raw, hasCheckpoint, leaving }: ClaimedBatch, { options }: Consumes, now: number): CommitReason | undefined {
    return commitReason({
      isStateful: options.stateful ?? false,
      isEmpty: claim.position === claim.committed && raw.length === 0,
      hasOutput: this.database.begun || this.publisher.pending,
      hasCheckpoint,
      isLeaving: leaving,
      sinceCommit: now - claim.committedAt,
      commitEveryMs: this.config.DETECT_COMMIT_MS,
    });
  }

  /** After a connection was lost during COMMIT: the cursor shows whether the transaction is durable. */
  async #applied({ claim, end }: ClaimedBatch): Promise<boolean> {
    const cursor = await this.cursors.read(claim.group, claim);
    return cursor?.epoch === claim.epoch && cursor.nextOffset === end;
  }
}
