import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../../config.js';
import { AuditService } from '../../database/audit.service.js';
import { Database } from '../../database/database.client.js';
import { CursorRepository } from '../../log/cursor.repository.js';
import type { Cursor } from '../../log/cursor-table.js';
import { isExternalGroup } from '../../log/consuming/groups.js';
import { EventLog, type PartitionOffsets } from '../../log/event-log.js';
import { StoredStates } from '../../log/consuming/stored-states.service.js';
import type { Actor } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { type StateAfterMove, stateAfterMove, resolveTarget, type ResolvedOffset, type Target } from './position.js';
import { messageOf } from '../../shared/error-message.js';

/** Position of a group in a partition with the log bounds; unknown values are null. */
export interface PartitionPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Every record below has been processed. Authoritative. */
  readonly cursor: number | null;
  /** The stored state includes every record below; null for a stateless stage. */
  readonly state: number | null;
  /** Offset committed to the log; follows the cursor. */
  readonly committed: number | null;
  readonly low: number;
  readonly high: number;
  readonly lag: number;
  readonly owner: string;
}

export interface OffsetReset {
  readonly group: string;
  readonly topic: string;
  readonly partition?: number | undefined;
  readonly to: Target;
  readonly actor: Actor;
  readonly why: string;
}

/** Effect of a reset on a partition. */
export interface PlannedReset extends ResolvedOffset {
  readonly partition: number;
  /** The cursor before the reset; null when the group has not begun the partition. */
  readonly from: number | null;
  /** Effect on the stored state; null for a stateless stage. */
  readonly memory: StateAfterMove['memory'] | null;
}

type OwnedCursor = Cursor & { readonly owner: string; readonly partition: number };

interface Move {
  readonly planned: PlannedReset;
  /** Epoch that the cursor must still have when it moves. */
  readonly epoch: number;
  readonly stateOffset: number;
}

/** Shows positions of consumer groups and resets them while they are stopped. */
@Injectable()
export class Offsets {
  readonly #logger = new Logger('offsets');

  constructor(
    private readonly database: Database,
    private readonly cursors: CursorRepository,
    private readonly eventLog: EventLog,
    private readonly states: StoredStates,
    private readonly config: Config,
    private readonly audit: AuditService,
  ) {}

  /** Positions of every group and topic with a cursor, or of the requested ones. Groups of external clusters are excluded. */
  async positions(wanted: { group?: string | undefined; topic?: string | undefined }): Promise<PartitionPosition[]> {
    const cursors = (await this.cursors.all()).filter(
      ({ group, topic }) => !isExternalGroup(group) && (wanted.group ?? group) === group && (wanted.topic ?? topic) === topic,
    );
    const pairs = new Map(cursors.map(({ group, topic }) => [`${group} ${topic}`, { group, topic }]));
    const positions = await Promise.all(
      [...pairs.values()].map(({ group, topic }) =>
        this.#positionsOf(
          group,
          topic,
          cursors.filter((cursor) => cursor.group === group && cursor.topic === topic),
        ),
      ),
    );
    return positions.flat();
  }

  async #positionsOf(group: string, topic: string, cursors: readonly OwnedCursor[]): Promise<PartitionPosition[]> {
    const [bounds, committed] = await Promise.all([this.eventLog.offsets(topic), this.eventLog.committed(group, topic)]);
    const hasMemory = this.states.of(group) !== undefined;
    return bounds.map(({ partition, low, high }) => {
      const cursor = cursors.find((each) => each.partition === partition);
      const lag = Math.max(0, high - (cursor?.nextOffset ?? low));
      return {
        group,
        topic,
        partition,
        cursor: cursor?.nextOffset ?? null,
        state: hasMemory ? (cursor?.stateOffset ?? null) : null,
        committed: committed.get(partition) ?? null,
        low,
        high,
        lag,
        owner: cursor?.owner ?? '',
      };
    });
  }

  /**
   * Moves a stopped group: cursor, epoch, stored state and committed offset. `dryRun` only returns the plan.
   * Throws T6201 when the group has active members, T6203 for an unknown group, topic or partition, T6205 when a cursor moved concurrently.
   */
  async reset(reset: OffsetReset, dryRun: boolean, now: number): Promise<PlannedReset[]> {
    const { group, topic } = reset;
    const cursors = await this.#cursorsOf(group, topic);
    const bounds = await this.#boundsOf(reset);
    const times = reset.to.kind === 'timestamp' ? await this.eventLog.offsetsAt(topic, reset.to.time) : undefined;
    const moves = bounds.map((each) => this.#plan(reset, each, cursors.get(each.partition), times?.get(each.partition)));
    if (!dryRun) {
      await this.refuseRunning(group);
      await this.database.transaction(async () => {
        for (const move of moves) await this.#move(reset, move, now);
      });
      await this.#tellLog(reset, moves);
    }
    return moves.map(({ planned }) => planned);
  }

  /** Throws T6201 with the active members of the group. */
  async refuseRunning(group: string): Promise<void> {
    const members = await this.eventLog.members(group);
    if (members.length === 0) return;
    const who = members.map(({ client, host }) => `${client} (${host})`).join(', ');
    const stop = this.config.mode === 'embedded' ? 'stop this server first' : 'stop every replica first';
    throw new TocsinError('T6201', `${group} has active members ${who}; ${stop}. No data is lost: senders retry unacknowledged requests`, members);
  }

  async #cursorsOf(group: string, topic: string): Promise<ReadonlyMap<number, OwnedCursor>> {
    if (isExternalGroup(group)) throw new TocsinError('T6203', `${group} consumes an external cluster`);
    const cursors = (await this.cursors.all()).filter((cursor) => !isExternalGroup(cursor.group));
    const own = cursors.filter((cursor) => cursor.group === group && cursor.topic === topic);
    if (own.length > 0) return new Map(own.map((cursor) => [cursor.partition, cursor]));
    const known = [...new Set(cursors.map((cursor) => `${cursor.group} of ${cursor.topic}`))].join(', ');
    throw new TocsinError('T6203', `${group} of ${topic}; known: ${known || 'none'}`);
  }

  async #boundsOf({ topic, partition }: OffsetReset): Promise<PartitionOffsets[]> {
    const all = await this.eventLog.offsets(topic);
    const bounds = partition === undefined ? all : all.filter((each) => each.partition === partition);
    if (bounds.length === 0) throw new TocsinError('T6203', `${topic}/${partition}; partitions are 0 to ${all.length - 1}`);
    return bounds;
  }

  #plan({ group, to }: OffsetReset, { partition, low, high }: PartitionOffsets, cursor: OwnedCursor | undefined, at: number | undefined): Move {
    const placed = resolveTarget(to, { low, high, current: cursor?.nextOffset ?? low, at });
    const hasMemory = this.states.of(group) !== undefined;
    const before = cursor ?? { nextOffset: placed.offset, stateOffset: placed.offset, epoch: 0 };
    const memory = hasMemory ? stateAfterMove(before, placed.offset, high) : { stateOffset: placed.offset, memory: null };
    const planned: PlannedReset = { partition, from: cursor?.nextOffset ?? null, ...placed, memory: memory.memory };
    return { planned, epoch: before.epoch, stateOffset: memory.stateOffset };
  }

  async #move({ group, topic, actor, why }: OffsetReset, { planned, epoch, stateOffset }: Move, now: number): Promise<void> {
    const at = { topic, partition: planned.partition };
    const object = `${group} ${topic}/${planned.partition}`;
    const to = { nextOffset: planned.offset, stateOffset };
    if (!(await this.cursors.relocate(group, at, to, epoch, now))) throw new TocsinError('T6205', object);
    if (planned.memory === 'reset') await this.states.of(group)?.(at, stateOffset);
    await this.audit.record(
      {
        actor,
        action: 'offsets.reset',
        object: { kind: 'partition', id: object },
        why,
        before: { offset: planned.from },
        after: { offset: planned.offset },
      },
      now,
    );
  }

  /** The cursor is authoritative and has moved already; if the commit to the log fails, the next commit of the group corrects the offset. */
  async #tellLog({ group, topic }: OffsetReset, moves: readonly { planned: PlannedReset }[]): Promise<void> {
    try {
      await this.eventLog.setCommitted(group, topic, new Map(moves.map(({ planned }) => [planned.partition, planned.offset])));
    } catch (error) {
      this.#logger.warn(`committing the new offsets of ${group} failed, lag tools show the old ones: ${messageOf(error)}`);
    }
  }
}
