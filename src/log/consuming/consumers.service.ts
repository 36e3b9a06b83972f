import { Injectable } from '@nestjs/common';
import { Config } from '../../config.js';
import { ConsumerWatch } from './consumer-watch.service.js';
import { CursorRepository } from '../cursor.repository.js';
import { PauseService } from './pause.service.js';
import type { ConsumerState } from '../event-log.js';
import { EventLog } from '../event-log.js';
import { isExternalGroup } from './groups.js';
import { LogServer } from './log-server.service.js';
import type { GroupMember } from '../topic-admin.js';
import { messageOf } from '../../shared/error-message.js';

/** Position of a group in a partition; null marks a value that is not available. */
export interface GroupPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Next offset of the cursor: everything below has taken effect. */
  readonly cursor: number;
  /** End offset of the log: the offset of the next record. */
  readonly end: number | null;
  /** Replica that claimed the partition last. */
  readonly owner: string;
}

/** A position with the state of the group in the log. */
export interface PartitionLag extends GroupPosition {
  /** Committed offset of the group in the log, which follows the cursor; null when there is none, or on an external cluster. */
  readonly current: number | null;
  /** End minus committed offset, or minus the cursor while nothing is committed. */
  readonly lag: number | null;
  readonly consumer_id: string | null;
  readonly host: string | null;
  readonly client_id: string | null;
}

/** Partitions, and the reasons in words why some values are missing. */
export interface PartitionReport<T> {
  readonly partitions: readonly T[];
  readonly problems: readonly string[];
}

/** The consumers of this process, and the progress of every group. */
@Injectable()
export class Consumers {
  readonly #servers: LogServer[] = [];

  constructor(
    private readonly eventLog: EventLog,
    private readonly cursors: CursorRepository,
    private readonly watch: ConsumerWatch,
    private readonly config: Config,
    private readonly pauses: PauseService,
  ) {}

  /** The transport of a consumer group, for `connectMicroservice`. */
  server(group: string): LogServer {
    const { eventLog, cursors, config, watch, pauses } = this;
    const server = new LogServer(group, { eventLog, cursors, config, watch, pauses });
    this.#servers.push(server);
    return server;
  }

  states(): ConsumerState[] {
    return this.#servers.flatMap((server) => server.state() ?? []);
  }

  /** The transports of this process. */
  get servers(): readonly LogServer[] {
    return this.#servers;
  }

  find(group: string): LogServer | undefined {
    return this.#servers.find((server) => server.group === group);
  }

  /** Every group and partition that has a cursor. Rejects only when the database query fails. */
  async positions(): Promise<PartitionReport<GroupPosition>> {
    const cursors = await this.cursors.all();
    const own = cursors.filter(({ group }) => !isExternalGroup(group));
    const problems: string[] = [];
    const ends = new Map<string, number>();
    await Promise.all(
      [...new Set(own.map(({ topic }) => topic))].map(async (topic) => {
        const bounds = await attempt(`end of ${topic}`, problems, () => this.eventLog.offsets(topic));
        for (const { partition, high } of bounds ?? []) ends.set(`${topic}/${partition}`, high);
      }),
    );
    const partitions = cursors.map(({ group, topic, partition, nextOffset, owner }) => {
      const seen = this.watch.progress.get(`${group} ${topic} ${partition}`)?.highWatermark;
      const end = isExternalGroup(group) ? seen : ends.get(`${topic}/${partition}`);
      return { group, topic, partition, cursor: nextOffset, end: end ?? null, owner };
    });
    return { partitions, problems };
  }

  /** The same with committed offsets and members, for the groups and topics that `wanted` selects. */
  async lag(wanted: (at: Pick<GroupPosition, 'group' | 'topic'>) => boolean = () => true): Promise<PartitionReport<PartitionLag>> {
    const { partitions, problems: unknown } = await this.positions();
    const problems = [...unknown];
    const picked = partitions.filter(wanted);
    const [committed, members] = await Promise.all([this.#committed(picked, problems), this.#members(picked, problems)]);
    const lags = picked.map((position): PartitionLag => {
      const key = `${position.group} ${position.topic} ${position.partition}`;
      const current = committed.get(key) ?? null;
      const member = members.get(key);
      const lag = position.end === null ? null : Math.max(0, position.end - (current ?? position.cursor));
      return { ...position, current, lag, consumer_id: member?.id ?? null, host: member?.host ?? null, client_id: member?.client ?? null };
    });
    return { partitions: lags, problems };
  }

  async #committed(positions: readonly GroupPosition[], problems: string[]): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    const pairs = new Map(
      positions.filter(({ group }) => !isExternalGroup(group)).map(({ group, topic }) => [`${group} ${topic}`, { group, topic }]),
    );
    await Promise.all(
      [...pairs].map(async ([key, { group, topic }]) => {
        const offsets = await attempt(`committed offsets of ${group} in ${topic}`, problems, () => this.eventLog.committed(group, topic));
        for (const [partition, offset] of offsets ?? []) found.set(`${key} ${partition}`, offset);
      }),
    );
    return found;
  }

  /** The consuming member by group, topic and partition. */
  async #members(positions: readonly GroupPosition[], problems: string[]): Promise<Map<string, GroupMember>> {
    const found = new Map<string, GroupMember>();
    const groups = [...new Set(positions.map(({ group }) => group))].filter((group) => !isExternalGroup(group));
    await Promise.all(
      groups.map(async (group) => {
        const members = await attempt(`members of ${group}`, problems, () => this.eventLog.members(group));
        for (const member of members ?? []) {
          for (const { topic, partition } of member.partitions) found.set(`${group} ${topic} ${partition}`, member);
        }
      }),
    );
    return found;
  }
}

/** Runs one query; a failure becomes a problem of the report and does not fail the rest. */
async function attempt<T>(what: string, problems: string[], ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    problems.push(`${what}: ${messageOf(error)}`);
    return undefined;
  }
}
