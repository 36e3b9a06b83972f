import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { AuditService } from '../../database/audit.service.js';
import { CursorRepository } from '../../log/cursor.repository.js';
import { EventLog } from '../../log/event-log.js';
import { keyPartitioners } from '../../log/partitioner.js';
import type { TopicState } from '../../log/topic-admin.js';
import type { Actor } from '../../shared/actor.js';
import { PoisonError, TocsinError } from '../../shared/errors.js';
import { JsonError } from '../../shared/json.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import { envelopeEvents } from '../tail/record-view.js';
import { type PartitionExpansionPlan, planPartitionExpansion, type Reader } from './partition-expansion.js';
import { PartitionExpansionChecks } from '../../runtime/partition-expansion-checks.service.js';
import { TopicsService } from './topics.service.js';

/** Records that are sampled for keys, over all partitions. */
const SAMPLE = 2000;
/** Maximum lag at which records with a key are counted exactly. */
const EXAMINED = 500;

export interface PartitionExpansionRequest {
  readonly partitions: number;
  /** Only return the consequences. */
  readonly dry_run: boolean;
  /** Expand even if the record order breaks for keys that move. */
  readonly accept_disorder: boolean;
}

/** Adds partitions to topics when that is safe. */
@Injectable()
export class PartitionExpansionService {
  constructor(
    private readonly eventLog: EventLog,
    private readonly cursors: CursorRepository,
    private readonly topics: TopicsService,
    private readonly checks: PartitionExpansionChecks,
    private readonly config: Config,
    private readonly audit: AuditService,
  ) {}

  /**
   * Adds partitions to a topic, and first to its dead-letter topic, because a dead letter goes to the partition of the same number.
   * Throws {@link TocsinError} T6401 for an unknown topic, T6402 for an invalid number, T6404 (with the {@link PartitionExpansionPlan} as
   * details) when record order would break.
   */
  async expand(
    name: string,
    { partitions, dry_run, accept_disorder }: PartitionExpansionRequest,
    actor: Actor,
    now: number,
  ): Promise<PartitionExpansionPlan & { readonly done: boolean }> {
    const topic = await this.topics.find(name);
    if (!Number.isSafeInteger(partitions) || partitions <= topic.partitions.length || partitions > 10_000) {
      throw new TocsinError(
        'T6402',
        `${name} has ${topic.partitions.length} partitions; the new number must be larger and at most 10000, not ${partitions}`,
      );
    }
    const plan = await this.#plan(topic, partitions);
    if (dry_run) return { ...plan, done: false };
    if (plan.refusals.length > 0 && !accept_disorder) throw new TocsinError('T6404', plan.refusals.join('; '), plan);
    await this.#refuseWhileEmbeddedRuns(plan);
    await this.#expandDeadLetterTopic(name, partitions);
    await this.eventLog.topics.grow(name, partitions);
    await this.audit.record({ actor, action: 'topic.expanded', object: { kind: 'topic', id: name }, after: { ...plan, accept_disorder } }, now);
    return { ...plan, done: true };
  }

  async #refuseWhileEmbeddedRuns(plan: PartitionExpansionPlan): Promise<void> {
    if (this.config.mode !== 'embedded' || (await this.eventLog.topics.groups()).length === 0) return;
    throw new TocsinError('T6404', 'the embedded log detects new partitions only at startup: stop the server, then run this command', plan);
  }

  async #expandDeadLetterTopic(name: string, partitions: number): Promise<void> {
    const [letters] = await this.eventLog.topics.describe([deadLetterTopic(name)]);
    if (letters && letters.partitions.length < partitions) await this.eventLog.topics.grow(letters.name, partitions);
  }

  async #plan(topic: TopicState, wanted: number): Promise<PartitionExpansionPlan> {
    const current = topic.partitions.length;
    const keyed = Object.values(contract).find(({ name }) => name === topic.name);
    const partitionOf = this.#partitionOf(topic.name);
    const moves = (key: string): boolean => partitionOf(key, current) !== partitionOf(key, wanted);
    const groups = await this.eventLog.topics.groups();
    const reading = groups.filter(({ members }) => members.some(({ partitions }) => partitions.some((at) => at.topic === topic.name)));
    return planPartitionExpansion({
      topic: topic.name,
      keyedBy: keyed?.keyedBy,
      current,
      wanted,
      readers: await this.#readers(topic, new Map(reading.map(({ stage, members }) => [stage ?? '', members.length]))),
      leaderless: topic.partitions.filter(({ high }) => high === null).map(({ partition }) => partition),
      unknownGroups: reading.filter(({ stage }) => stage === null).map(({ group }) => group),
      stageReasons: await this.checks.reasonsAgainst(topic.name, moves),
      keys: await this.#keys(topic),
      partitionOf,
    });
  }

  #partitionOf(topic: string): (key: string, partitions: number) => number {
    const name = this.config.mode === 'distributed' ? this.config.KAFKA_PARTITIONER.get(topic) : undefined;
    const of = keyPartitioners[name === undefined || name === 'round_robin' ? 'murmur2' : name];
    return (key, partitions) => of(Buffer.from(key), partitions);
  }

  async #readers(topic: TopicState, members: ReadonlyMap<string, number>): Promise<Reader[]> {
    const cursors = (await this.cursors.all()).filter((cursor) => cursor.topic === topic.name);
    const readers: Reader[] = [];
    for (const group of new Set([...cursors.map((cursor) => cursor.group), ...[...members.keys()].filter(Boolean)])) {
      let behind = 0;
      for (const { partition, low, high } of topic.partitions) {
        const next = cursors.find((cursor) => cursor.group === group && cursor.partition === partition)?.nextOffset ?? low ?? 0;
        behind += await this.#keyed(topic.name, partition, next, high ?? 0);
      }
      readers.push({ group, members: members.get(group) ?? 0, behind });
    }
    return readers;
  }

  /** Number of records with a key in [from, to): records without one, such as ticks, have no order. Above {@link EXAMINED} all records count. */
  async #keyed(topic: string, partition: number, from: number, to: number): Promise<number> {
    if (to <= from || to - from > EXAMINED) return Math.max(0, to - from);
    let keyed = 0;
    for await (const slice of this.eventLog.read({ topic, partition }, from, to)) keyed += slice.filter(({ key }) => key !== null).length;
    return keyed;
  }

  /** Distinct keys of the newest records and of the events in their envelopes. */
  async #keys(topic: TopicState): Promise<string[]> {
    const each = Math.ceil(SAMPLE / topic.partitions.length);
    const keys = new Set<string>();
    for (const { partition, low, high } of topic.partitions) {
      if (low === null || high === null || low === high) continue;
      for await (const slice of this.eventLog.read({ topic: topic.name, partition }, Math.max(low, high - each), high)) {
        for (const { key, value } of slice) {
          if (key) keys.add(key.toString('utf8'));
          for (const event of value ? this.#eventsIn(topic.name, value) : []) keys.add(String(event[this.config.PARTITION_KEY]));
        }
      }
    }
    return [...keys].sort();
  }

  #eventsIn(topic: string, value: Buffer): readonly { bk_biz_id: string; event_source: string }[] {
    try {
      return envelopeEvents(this.eventLog.serializer.deserialize(topic, value)) ?? [];
    } catch (error) {
      if (error instanceof JsonError || error instanceof PoisonError) return [];
      throw error;
    }
  }
}
