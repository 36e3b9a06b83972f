import type { Database } from '../../database/database.client.js';
import { TocsinError } from '../../shared/errors.js';
import { type GroupState, type NewTopic, TopicAdmin, type TopicState } from '../topic-admin.js';
import type { RecordRepository } from './record.repository.js';

/** The parts of the embedded log that topic administration uses. */
export interface EmbeddedTopicsHost {
  readonly records: RecordRepository;
  readonly database: Database;
  /** Groups of this process. */
  groups(): readonly { readonly group: string; readonly assigned: readonly { readonly topic: string; readonly partition: number }[] }[];
  /** Called after topics or partitions were added. */
  changed(): Promise<void>;
}

/** Topic administration of the embedded log: one process, one replica, one retention for all topics. */
export class EmbeddedTopics extends TopicAdmin {
  constructor(
    private readonly host: EmbeddedTopicsHost,
    private readonly retention: { readonly RETENTION_HOURS: number; readonly RETENTION_BYTES: number },
  ) {
    super();
  }

  brokers(): Promise<number> {
    return Promise.resolve(1);
  }

  describe(names?: readonly string[]): Promise<TopicState[]> {
    const config = {
      'retention.ms': String(this.retention.RETENTION_HOURS * 3_600_000),
      'retention.bytes': String(this.retention.RETENTION_BYTES),
      'min.insync.replicas': '1',
    };
    const topics = this.host.records.topics().filter(([topic]) => !names || names.includes(topic));
    return Promise.resolve(
      topics.map(([name]) => ({
        name,
        cluster: 'embedded',
        partitions: this.host.records
          .offsets(name)
          .map(({ partition, low, high }) => ({ partition, leader: 'embedded', replicas: [0], inSync: [0], low, high })),
        config,
      })),
    );
  }

  groups(): Promise<GroupState[]> {
    return Promise.resolve(
      this.host.groups().map(({ group, assigned }) => ({
        group,
        stage: group,
        cluster: 'embedded',
        state: 'Stable',
        protocol: 'embedded',
        members: [{ id: group, client: `process ${process.pid}`, host: 'localhost', partitions: assigned }],
      })),
    );
  }

  async create({ name, partitions }: NewTopic): Promise<void> {
    await this.#write(() => this.host.records.create(name, partitions));
  }

  async grow(topic: string, partitions: number): Promise<void> {
    await this.#write(() => this.host.records.grow(topic, partitions));
  }

  configure(): Promise<void> {
    return Promise.reject(
      new TocsinError(
        'T6402',
        'topics of the embedded log cannot be configured separately: RETENTION_HOURS, RETENTION_BYTES and MAX_EVENT_BYTES apply to all topics after a restart',
      ),
    );
  }

  async #write(work: () => void): Promise<void> {
    await this.host.database.transaction(async () => {
      await this.host.database.begin();
      work();
    });
    await this.host.changed();
  }
}
