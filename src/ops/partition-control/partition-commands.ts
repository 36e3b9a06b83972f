import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { boundsOf } from '../../log/bounds.js';
import { type Cursor, CursorRepository } from '../../log/cursor.repository.js';
import { isForeign } from '../../log/groups.js';
import type { Hold } from '../../log/hold.js';
import { HoldRepository } from '../../log/hold.repository.js';
import { Log, type PartitionOffsets, type TopicPartition } from '../../log/log.js';
import { StoredStates } from '../../log/stored-states.js';
import { TocsinError } from '../../shared/errors.js';
import { type Continuation, continuation, type Decision } from './continuation.js';

/** Which partitions of a group; without a topic all that the group has begun. */
export interface Selection {
  readonly group: string;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
}

interface Order {
  readonly by: string;
  readonly why: string;
}

/** A partition as a group consumes it. */
export interface ConsumedPartition extends TopicPartition {
  readonly group: string;
  readonly cursor: number | null;
  /** Replica that has claimed it last. */
  readonly owner: string;
  readonly holds: readonly Omit<Hold, 'group' | 'topic' | 'partition'>[];
}

export interface Resumed extends TopicPartition {
  readonly group: string;
  /** Where it goes on, when that is elsewhere. */
  readonly movedTo: number | null;
  readonly note: string;
}

const said = ({ by, why }: Order): string => (why ? `${by}: ${why}` : by);

/** What people can do to the partitions of consumer groups. Every command is a row that the owner of the partition follows, wherever it runs. */
@Injectable()
export class PartitionCommands {
  constructor(
    private readonly database: Database,
    private readonly holds: HoldRepository,
    private readonly cursors: CursorRepository,
    private readonly log: Log,
    private readonly states: StoredStates,
  ) {}

  async list(now: number): Promise<ConsumedPartition[]> {
    const [cursors, holds] = await Promise.all([this.cursors.all(), this.holds.all(now)]);
    const all = new Map<string, ConsumedPartition>();
    const key = ({ group, topic, partition }: { group: string } & TopicPartition): string => `${group} ${topic} ${partition}`;
    for (const cursor of cursors) {
      const { group, topic, partition, nextOffset, owner } = cursor;
      all.set(key(cursor), { group, topic, partition, cursor: nextOffset, owner, holds: [] });
    }
    for (const hold of holds) {
      const { group, topic, partition, ...rest } = hold;
      const known = all.get(key(hold)) ?? { group, topic, partition, cursor: null, owner: '', holds: [] };
      all.set(key(hold), { ...known, holds: [...known.holds, rest] });
    }
    return [...all.values()];
  }

  /** Throws T6203 when there is no such partition. */
  async pause(selection: Selection, order: Order & { readonly until: number | null }, now: number): Promise<Hold[]> {
    const { by, why, until } = order;
    const holds = (await this.#select(selection)).map((at): Hold => ({ ...at, kind: 'paused', code: null, why, by, at: now, until }));
    await this.database.transaction(async () => {
      await this.holds.put(holds);
      for (const { group, topic, partition } of holds) {
        await this.cursors.audit('partition.paused', `${group} ${topic}/${partition}`, said(order), now, by);
      }
    });
    return holds;
  }

  /**
   * Lets held partitions go on: all that are selected, or none. Throws T6203 when there is no such partition, T6204 with what each needs when
   * records are missing and nobody has decided, T6205 when a cursor moved meanwhile.
   */
  async resume(selection: Selection, order: Order & Decision, now: number): Promise<Resumed[]> {
    const selected = await this.#select(selection);
    const holds = await this.holds.all(now);
    const decided: Decided[] = [];
    for (const at of selected) {
      const own = holds.filter(({ group, topic, partition }) => group === at.group && topic === at.topic && partition === at.partition);
      if (own.length > 0) decided.push({ at, own, ...(await this.#decide(at, own, order)) });
    }
    const undecided = decided.flatMap(({ at, how }) => (how.kind === 'undecided' ? [`${at.topic}/${at.partition}: ${how.needs}`] : []));
    if (undecided.length > 0) throw new TocsinError('T6204', undecided.join('; '), undecided);
    await this.database.transaction(async () => {
      for (const each of decided) await this.#resume(each, order, now);
    });
    return decided.map(({ at, how }) => ({
      ...at,
      movedTo: how.kind === 'move' ? how.nextOffset : null,
      note: how.kind === 'move' ? how.givenUp : '',
    }));
  }

  async #decide(at: Selected, own: readonly Hold[], decision: Decision): Promise<{ cursor: Cursor | undefined; how: Continuation }> {
    const stop = own.find(({ kind }) => kind === 'stopped');
    const cursor = await this.cursors.read(at.group, at);
    if (!stop) return { cursor, how: { kind: 'go' } };
    const bounds = await this.#bounds(at);
    // Only a stage with memory needs what is older than its cursor.
    const needed = cursor && (this.states.of(at.group) ? cursor : { ...cursor, stateOffset: cursor.nextOffset });
    return { cursor, how: continuation(stop, needed, bounds, decision) };
  }

  async #resume({ at, own, cursor, how }: Decided, order: Order, now: number): Promise<void> {
    const object = `${at.group} ${at.topic}/${at.partition}`;
    if (how.kind === 'move') {
      if (!(await this.cursors.relocate(at.group, at, how, cursor!.epoch, now))) throw new TocsinError('T6205', object);
      await this.cursors.audit('records.skipped', object, `${how.givenUp}; ${said(order)}`, now, order.by);
    }
    for (const hold of own) await this.holds.remove(hold);
    await this.cursors.audit('partition.resumed', object, said(order), now, order.by);
  }

  async #bounds(at: TopicPartition): Promise<PartitionOffsets> {
    const bounds = await boundsOf(this.log, at);
    if (!bounds) throw new TocsinError('T6203', `${at.topic}/${at.partition}`);
    return bounds;
  }

  async #select({ group, topic, partition }: Selection): Promise<Selected[]> {
    const source = group.slice('source.'.length);
    if (isForeign(group))
      throw new TocsinError(
        'T6203',
        `${group} consumes an external cluster; use tocsin sources resume ${source} or tocsin sources disable ${source}`,
      );
    const begun = await this.cursors.all();
    const selected = begun.filter((at) => at.group === group && (topic ?? at.topic) === at.topic && (partition ?? at.partition) === at.partition);
    if (selected.length > 0) return selected.map(({ topic: of, partition: number }) => ({ group, topic: of, partition: number }));
    const groups = [...new Set(begun.map((at) => at.group))].filter((each) => !isForeign(each));
    throw new TocsinError(
      'T6203',
      `${[group, topic, partition].filter((part) => part !== undefined).join(' ')}; groups are ${groups.join(', ') || 'none'}`,
    );
  }
}

type Selected = TopicPartition & { readonly group: string };

interface Decided {
  readonly at: Selected;
  readonly own: readonly Hold[];
  readonly cursor: Cursor | undefined;
  readonly how: Continuation;
}
