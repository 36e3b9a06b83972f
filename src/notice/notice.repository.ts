import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { ConvergedAlert } from '../topics.js';
import type { NotificationHistory, NotSentReason } from './dispatch.js';
import { GroupCommit } from './group-commit.repository.js';
import { type DueNotice, idempotencyKey, type Notice, type NoticeSettlement } from './notice.js';
import { noticeOf } from './notice.reader.js';
import { TimelineRepository } from '../database/timeline.repository.js';

const COLUMNS = [
  'receiver',
  'converge_id',
  'sequence_no',
  'idempotency_key',
  'status',
  'state',
  'reason',
  'attempts',
  'next_attempt_at',
  'created_at',
  'finished_at',
  'body',
];

const OPEN = "state IN ('pending', 'sending')";

/** A new notice: one to send, or a record of why none is sent. */
export interface NewNotice {
  readonly receiver: string;
  readonly group: ConvergedAlert;
  readonly notSent?: NotSentReason;
}

/** A notice that may be sent, as it was when it was found. */
export type Candidate = Pick<Notice, 'id' | 'attempts'>;

/** Earlier notices of the groups of a batch. */
export interface KnownGroups {
  history(convergeId: string, receiver: string): NotificationHistory | undefined;
  /** Highest sequence number of a group over all receivers; 0 when it is new. */
  latest(convergeId: string): number;
}

const keyOf = (...parts: readonly unknown[]): string => JSON.stringify(parts);
const places = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

/** Writes notices. Handlers write in their own transaction; delivery attempts share transactions by group commit. */
@Injectable()
export class NoticeRepository {
  constructor(
    private readonly database: Database,
    private readonly timelines: TimelineRepository,
    private readonly commits: GroupCommit,
  ) {}

  /** Earlier notices of groups, in one query; `remember` adds those of the same batch. */
  async known(convergeIds: readonly string[]): Promise<KnownGroups & { remember(notice: NewNotice): void }> {
    const rows = await this.database.query(
      `SELECT converge_id, receiver, MAX(sequence_no) AS latest, MAX(CASE WHEN status = 'firing' AND state <> 'not_sent' THEN 1 ELSE 0 END) AS notified
       FROM notice WHERE converge_id IN (${places(convergeIds)}) GROUP BY converge_id, receiver`,
      convergeIds,
    );
    const histories = new Map<string, NotificationHistory>();
    const latest = new Map<string, number>();
    const note = (convergeId: string, receiver: string, sequence: number, notified: boolean): void => {
      const past = histories.get(keyOf(convergeId, receiver));
      histories.set(keyOf(convergeId, receiver), { latest: Math.max(sequence, past?.latest ?? 0), notified: notified || (past?.notified ?? false) });
      latest.set(convergeId, Math.max(sequence, latest.get(convergeId) ?? 0));
    };
    for (const row of rows) note(row['converge_id'] as string, row['receiver'] as string, Number(row['latest']), Number(row['notified']) === 1);
    return {
      history: (convergeId, receiver) => histories.get(keyOf(convergeId, receiver)),
      latest: (convergeId) => latest.get(convergeId) ?? 0,
      remember: ({ receiver, group, notSent }) =>
        note(group.converge_id, receiver, group.sequence, group.status === 'firing' && notSent === undefined),
    };
  }

  /** Finds which of the messages already have notices. */
  async applied(
    groups: readonly Pick<ConvergedAlert, 'converge_id' | 'sequence'>[],
  ): Promise<(group: Pick<ConvergedAlert, 'converge_id' | 'sequence'>) => boolean> {
    const ids = [...new Set(groups.map(({ converge_id }) => converge_id))];
    const sequences = [...new Set(groups.map(({ sequence }) => sequence))];
    const rows = await this.database.query(
      `SELECT DISTINCT converge_id, sequence_no FROM notice WHERE converge_id IN (${places(ids)}) AND sequence_no IN (${places(sequences)})`,
      [...ids, ...sequences],
    );
    const found = new Set(rows.map((row) => keyOf(row['converge_id'], Number(row['sequence_no']))));
    return ({ converge_id, sequence }) => found.has(keyOf(converge_id, sequence));
  }

  /** Adds notices; an existing one is left unchanged. */
  async add(notices: readonly NewNotice[], now: number): Promise<void> {
    // Notices to send come first, in case the collation of a database treats two names as equal.
    const rows = [...notices].sort((a, b) => Number(a.notSent !== undefined) - Number(b.notSent !== undefined)).map((notice) => rowOf(notice, now));
    if (rows.length > 0) await this.database.insert('notice', COLUMNS, rows, { key: ['converge_id', 'receiver', 'sequence_no'], update: [] });
  }

  /** Receivers with due notices. */
  async receiversWithDue(now: number): Promise<string[]> {
    const rows = await this.database.query(`SELECT DISTINCT receiver FROM notice WHERE ${OPEN} AND next_attempt_at <= ? ORDER BY receiver`, [now]);
    return rows.map((row) => row['receiver'] as string);
  }

  /** Due notices of a receiver, the longest due first; of each group only the first unfinished one. */
  async due(receiver: string, now: number, limit: number): Promise<Candidate[]> {
    const rows = await this.database.query(
      `SELECT id, attempts FROM notice WHERE ${OPEN} AND receiver = ? AND next_attempt_at <= ?
       AND NOT EXISTS (SELECT 1 FROM notice earlier WHERE earlier.converge_id = notice.converge_id AND earlier.receiver = notice.receiver
         AND earlier.state IN ('pending', 'sending') AND earlier.sequence_no < notice.sequence_no)
       ORDER BY next_attempt_at, id LIMIT ?`,
      [receiver, now, limit],
    );
    return rows.map((row) => ({ id: Number(row['id']), attempts: Number(row['attempts']) }));
  }

  /**
   * Claims a notice for one attempt until `until` and returns it, or undefined when another sender has claimed it:
   * the update compares the number of attempts.
   */
  claim({ id, attempts }: Candidate, now: number, until: number): Promise<DueNotice | undefined> {
    return this.commits.run(async () => {
      const claimed = await this.database.execute(
        `UPDATE notice SET state = 'sending', attempts = attempts + 1, next_attempt_at = ?, first_attempt_at = COALESCE(first_attempt_at, ?)
         WHERE id = ? AND attempts = ? AND ${OPEN}`,
        [until, now, id, attempts],
      );
      if (claimed === 0) return undefined;
      const [row] = await this.database.query('SELECT * FROM notice WHERE id = ?', [id]);
      return { ...noticeOf(row!), group: JSON.parse(row!['body'] as string) as ConvergedAlert };
    });
  }

  /** Records the result of an attempt, with the timelines of the members. False, without a write, when the claim has expired. */
  settle(notice: DueNotice, { state, reason, next_attempt_at, last_code, last_error, timeline }: NoticeSettlement, now: number): Promise<boolean> {
    return this.commits.run(async () => {
      const settled = await this.database.execute(
        `UPDATE notice SET state = ?, reason = ?, next_attempt_at = ?, last_code = ?, last_error = ?, finished_at = ?
         WHERE id = ? AND attempts = ? AND state = 'sending'`,
        [state, reason, next_attempt_at, last_code, last_error?.slice(0, 1000) ?? null, state === 'pending' ? null : now, notice.id, notice.attempts],
      );
      if (settled > 0) await this.timelines.append(timeline);
      return settled > 0;
    });
  }

  /** When the next notice becomes due after `now`; undefined when none is pending. */
  async nextDue(now: number): Promise<number | undefined> {
    const [row] = await this.database.query(`SELECT MIN(next_attempt_at) AS due FROM notice WHERE ${OPEN} AND next_attempt_at > ?`, [now]);
    return row === undefined || row['due'] === null ? undefined : Number(row['due']);
  }

  async exists(id: number): Promise<boolean> {
    return (await this.database.query('SELECT id FROM notice WHERE id = ?', [id])).length > 0;
  }

  /** Makes a dead notice due again, with the same key and a new time limit. False when it is not dead. */
  async revive(id: number, now: number): Promise<boolean> {
    const revived = await this.database.execute(
      "UPDATE notice SET state = 'pending', reason = NULL, next_attempt_at = ?, first_attempt_at = NULL, finished_at = NULL WHERE id = ? AND state = 'dead'",
      [now, id],
    );
    return revived > 0;
  }
}

function rowOf({ receiver, group, notSent }: NewNotice, now: number): unknown[] {
  const { converge_id, sequence, status } = group;
  const state = notSent ? ['not_sent', notSent] : ['pending', null];
  const end = notSent ? [now, null] : [null, JSON.stringify(group)];
  return [receiver, converge_id, sequence, idempotencyKey(receiver, group), status, ...state, 0, now, now, ...end];
}
