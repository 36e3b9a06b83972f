import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { AuditService } from '../../database/audit.service.js';
import { CursorRepository } from '../../log/cursor.repository.js';
import { EventLog } from '../../log/event-log.js';
import { newTopics } from '../../log/new-topics.js';
import type { GroupState, TopicState } from '../../log/topic-admin.js';
import { deadLetterBytes, MOST_BYTES } from '../../log/topic-limits.js';
import type { Actor } from '../../shared/actor.js';
import { TocsinError } from '../../shared/errors.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import { groupIn, topicSummary, readersOf, recordCount, type TopicDetail, type TopicSummary } from './topic-overview.js';
import { configOf, type ShapeReview, reviewShape, withShape, type TopicShape } from './topic-shape.js';

const ours = Object.values(contract).flatMap(({ name }) => [name, deadLetterTopic(name)]);

export type CreatedTopics = ShapeReview & { readonly topics: readonly string[] };

/** Shows, creates and changes topics. */
@Injectable()
export class TopicsService {
  constructor(
    private readonly eventLog: EventLog,
    private readonly cursors: CursorRepository,
    private readonly config: Config,
    private readonly audit: AuditService,
  ) {}

  /** The topics of the stages, or every topic of the clusters with the configured prefix. */
  async list(all: boolean): Promise<TopicSummary[]> {
    const [topics, groups, cursors] = await Promise.all([
      this.eventLog.topics.describe(all ? undefined : ours),
      this.eventLog.topics.groups(),
      this.cursors.all(),
    ]);
    return topics.map((topic) => topicSummary(topic, groups, cursors));
  }

  /** Throws {@link TocsinError} T6401. */
  async get(name: string): Promise<TopicDetail> {
    const topic = await this.find(name);
    const [groups, cursors] = await Promise.all([this.eventLog.topics.groups(), this.cursors.all()]);
    const readers = readersOf(name, groups, cursors).map((id) => groups.find(({ group }) => group === id) ?? stopped(id));
    const committed = await Promise.all(
      readers.map(({ stage }) => (stage === null ? Promise.resolve(new Map<number, number>()) : this.eventLog.committed(stage, name))),
    );
    return { ...topic, records: recordCount(topic), groups: readers.map((group, index) => groupIn(topic, group, committed[index]!, cursors)) };
  }

  /** Throws {@link TocsinError} T6401. */
  async find(name: string): Promise<TopicState> {
    const [topic] = await this.eventLog.topics.describe([name]);
    if (!topic) throw new TocsinError('T6401', name);
    return topic;
  }

  /** Creates a topic; for a stage also its dead-letter topic. Throws {@link TocsinError} T6402 for an invalid shape, T6403 when the topic exists. */
  async create(name: string, shape: TopicShape, actor: Actor, now: number): Promise<CreatedTopics> {
    const names = Object.values(contract).some((topic) => topic.name === name) ? [name, deadLetterTopic(name)] : [name];
    const existing = (await this.eventLog.topics.describe(names)).map((topic) => topic.name);
    if (existing.includes(name)) throw new TocsinError('T6403', name);
    const wanted = newTopics(name, this.config).filter((topic) => names.includes(topic.name) && !existing.includes(topic.name));
    const judgement = await this.#judge(name, shape, shape.replication ?? this.config.TOPIC_REPLICATION);
    for (const topic of wanted) {
      await this.eventLog.topics.create(
        withShape(topic, topic.name === name ? shape : { ...shape, retention_hours: undefined, retention_bytes: undefined }),
      );
      await this.audit.record({ actor, action: 'topic.created', object: { kind: 'topic', id: topic.name }, after: shape }, now);
    }
    return { ...judgement, topics: wanted.map((topic) => topic.name) };
  }

  /** Changes topic properties; raises max.message.bytes of the dead-letter topic first if required. Throws {@link TocsinError} T6401, T6402. */
  async configure(
    name: string,
    shape: TopicShape,
    actor: Actor,
    now: number,
  ): Promise<ShapeReview & { readonly config: Readonly<Record<string, string>> }> {
    const topic = await this.find(name);
    const judgement = await this.#judge(name, shape, topic.partitions[0]?.replicas.length ?? 1);
    const config = configOf(shape);
    if (Object.keys(config).length === 0) throw new TocsinError('T6402', 'at least one property is required');
    if (shape.max_message_bytes !== undefined) await this.#makeRoom(deadLetterTopic(name), deadLetterBytes(shape.max_message_bytes), actor, now);
    await this.#set(name, config, actor, now);
    return { ...judgement, config: (await this.find(name)).config };
  }

  async #makeRoom(name: string, bytes: number, actor: Actor, now: number): Promise<void> {
    const [letters] = await this.eventLog.topics.describe([name]);
    const most = letters?.config[MOST_BYTES];
    if (most === undefined || Number(most) >= bytes) return;
    await this.#set(name, { [MOST_BYTES]: String(bytes) }, actor, now);
  }

  async #set(name: string, config: Readonly<Record<string, string>>, actor: Actor, now: number): Promise<void> {
    await this.eventLog.topics.configure(name, config);
    await this.audit.record({ actor, action: 'topic.configured', object: { kind: 'topic', id: name }, after: config }, now);
  }

  async #judge(name: string, shape: TopicShape, replication: number): Promise<ShapeReview> {
    const judgement = reviewShape(name, shape, {
      brokers: await this.eventLog.topics.brokers(name),
      replication: this.config.mode === 'embedded' ? 1 : replication,
      recordBytes: this.config.MAX_EVENT_BYTES,
    });
    if (judgement.refusals.length > 0) throw new TocsinError('T6402', judgement.refusals.join('; '), judgement);
    return judgement;
  }
}

/** A group of Tocsin with a cursor that does not exist in the log, or no longer exists. */
function stopped(stage: string): GroupState {
  return { group: stage, stage, cluster: '', state: 'Stopped', protocol: '', members: [] };
}
