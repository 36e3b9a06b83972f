import { Injectable } from '@nestjs/common';
import { type AuditObject, AuditService } from '../../database/audit.service.js';
import { Database } from '../../database/database.client.js';
import { boundsOf } from '../../log/bounds.js';
import { CursorRepository } from '../../log/cursor.repository.js';
import type { Cursor } from '../../log/cursor-table.js';
import { isExternalGroup } from '../../log/consuming/groups.js';
import type { PartitionPause } from '../../log/consuming/partition-pause.js';
import { PartitionPauseRepository } from '../../log/consuming/partition-pause.repository.js';
import { EventLog, type PartitionOffsets, type TopicPartition } from '../../log/event-log.js';
import { StoredStates } from '../../log/consuming/stored-states.service.js';
import type { Actor } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { type ResumePlan, resumePlan, type GapDecision } from './continuation.js';

/** Partitions of a group; without a topic all that the group has begun. */
export interface PartitionSelection {
  readonly group: string;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
}

interface Command {
  readonly actor: Actor;
  readonly why: string;
}

/** A partition as a group consumes it. */
export interface ConsumedPartition extends TopicPartition {
  readonly group: string;
  readonly cursor: number | null;
  /** Replica that acquired the partition last. */
  readonly owner: string;
  readonly holds: readonly Omit<PartitionPause, 'group' | 'topic' | 'partition'>[];
}

export interface Resumed extends TopicPartition {
  readonly group: string;
  /** Offset at which a moved partition resumes; null when it resumes at its cursor. */
  readonly movedTo: number | null;
  readonly note: string;
}

/** Pauses and resumes partitions of consumer groups. A command is a row that the owner of the partition applies, on whichever replica it runs. */
@Injectable()
export class PartitionCommands {
  constructor(
    private readonly database: Database,
    private readonly holds: PartitionPauseRepository,
    private readonly cursors: CursorRepository,
    private readonly eventLog: EventLog,
    private readonly states: StoredStates,
    private readonly audit: AuditService,
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

  /** Throws T6203 for an unknown partition. */
  async pause(selection: PartitionSelection, order: Command & { readonly until: number | null }, now: number): Promise<PartitionPause[]> {
    const { actor, why, until } = order;
    const holds = (await this.#select(selection)).map((at): PartitionPause => ({
      ...at,
      kind: 'paused',
      code: null,
      why,
      by: actor.name,
      at: now,
      until,
    }));
    await this.database.transaction(async () => {
      await this.holds.put(holds);
      await this.audit.record(
        holds.map((hold) => ({ actor, action: 'partition.paused', object: objectOf(hold), why, after: { until } })),
        now,
      );
    });
    return holds;
  }

  /**
   * Resumes paused or halted partitions: all selected ones, or none. Throws T6203 for an unknown partition, T6204 with the decision that each
   * partition requires when records are missing, T6205 when a cursor moved concurrently.
   */
  async resume(selection: PartitionSelection, order: Command & GapDecision, now: number): Promise<Resumed[]> {
    const selected = await this.#select(selection);
    const holds = await this.holds.all(now);
    const decided: PlannedResume[] = [];
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

  async #decide(at: Selected, own: readonly PartitionPause[], decision: GapDecision): Promise<{ cursor: Cursor | undefined; how: ResumePlan }> {
    const stop = own.find(({ kind }) => kind === 'stopped');
    const cursor = await this.cursors.read(at.group, at);
    if (!stop) return { cursor, how: { kind: 'go' } };
    const bounds = await this.#bounds(at);
    // Only a stateful stage needs records before its cursor.
    const needed = cursor && (this.states.of(at.group) ? cursor : { ...cursor, stateOffset: cursor.nextOffset });
    return { cursor, how: resumePlan(stop, needed, bounds, decision) };
  }

  async #resume({ at, own, cursor, how }: PlannedResume, order: Command, now: number): Promise<void> {
    const { actor, why } = order;
    if (how.kind === 'move') {
      if (!(await this.cursors.relocate(at.group, at, how, cursor!.epoch, now))) throw new TocsinError('T6205', objectOf(at).id);
      await this.audit.record({ actor, action: 'partition.records_skipped', object: objectOf(at), why, after: { skipped: how.givenUp } }, now);
    }
    for (const hold of own) await this.holds.remove(hold);
    await this.audit.record({ actor, action: 'partition.resumed', object: objectOf(at), why }, now);
  }

  async #bounds(at: TopicPartition): Promise<PartitionOffsets> {
    const bounds = await boundsOf(this.eventLog, at);
    if (!bounds) throw new TocsinError('T6203', `${at.topic}/${at.partition}`);
    return bounds;
  }

  async #select({ group, topic, partition }: PartitionSelection): Promise<Selected[]> {
    const source = group.slice('source.'.length);
    if (isExternalGroup(group))
      throw new TocsinError(
        'T6203',
        `${group} consumes an external cluster; use tocsin sources resume ${source} or tocsin sources disable ${source}`,
      );
    const begun = await this.cursors.all();
    const selected = begun.filter((at) => at.group === group && (topic ?? at.topic) === at.topic && (partition ?? at.partition) === at.partition);
    if (selected.length > 0) return selected.map(({ topic: of, partition: number }) => ({ group, topic: of, partition: number }));
    const groups = [...new Set(begun.map((at) => at.group))].filter((each) => !isExternalGroup(each));
    throw new TocsinError(
      'T6203',
      `${[group, topic, partition].filter((part) => part !== undefined).join(' ')}; groups are ${groups.join(', ') || 'none'}`,
    );
  }
}

type Selected = TopicPartition & { readonly group: string };

const objectOf = ({ group, topic, partition }: Selected): AuditObject => ({ kind: 'partition', id: `${group} ${topic}/${partition}` });

interface PlannedResume {
  readonly at: Selected;
  readonly own: readonly PartitionPause[];
  readonly cursor: Cursor | undefined;
  readonly how: ResumePlan;
}
