import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { ConvergedAlert } from '../topics.js';
import type { History, Untold } from './dispatch.js';
import { GroupCommit } from './group-commit.repository.js';
import { type DueNotice, idempotencyKey, type Notice, type Settlement } from './notice.js';
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

/** A notice to write: to be sent, or to remember why it is not. */
export interface NewNotice {
  readonly receiver: string;
  readonly group: ConvergedAlert;
  readonly untold?: Untold;
}

/** A notice that may be tried, as it was when that was found out. */
export type Candidate = Pick<Notice, 'id' | 'attempts'>;

/** What the table knows of the groups of a batch. */
export interface Known {
  history(convergeId: string, receiver: string): History | undefined;
  /** Highest sequence number of a group, whoever the receiver; 0 when it is new. */
  latest(convergeId: string): number;
}

const keyOf = (...parts: readonly unknown[]): string => JSON.stringify(parts);
const places = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

/** Writes notices. What a handler calls takes part in its transaction; the tries of the sender share transactions of their own. */
@Injectable()
export class NoticeRepository {
  constructor(
    private readonly database: Database,
    private readonly timelines: TimelineRepository,
    private readonly commits: GroupCommit,
  ) {}

  /** What is known of groups, in one query; `remember` keeps it up to date within a batch. */
  async known(convergeIds: readonly string[]): Promise<Known & { remember(notice: NewNotice): void }> {
    const rows = await this.database.query(
      `SELECT converge_id, receiver, MAX(sequence_no) AS latest, MAX(CASE WHEN status = 'firing' AND state <> 'not_sent' THEN 1 ELSE 0 END) AS told
       FROM notice WHERE converge_id IN (${places(convergeIds)}) GROUP BY converge_id, receiver`,
      convergeIds,
    );
    const histories = new Map<string, History>();
    const latest = new Map<string, number>();
    const note = (convergeId: string, receiver: string, sequence: number, told: boolean): void => {
      const past = histories.get(keyOf(convergeId, receiver));
      histories.set(keyOf(convergeId, receiver), { latest: Math.max(sequence, past?.latest ?? 0), told: told || (past?.told ?? false) });
      latest.set(convergeId, Math.max(sequence, latest.get(convergeId) ?? 0));
    };
    for (const row of rows) note(row['converge_id'] as string, row['receiver'] as string, Number(row['latest']), Number(row['told']) === 1);
    return {
      history: (convergeId, receiver) => histories.get(keyOf(convergeId, receiver)),
      latest: (convergeId) => latest.get(convergeId) ?? 0,
      remember: ({ receiver, group, untold }) => note(group.converge_id, receiver, group.sequence, group.status === 'firing' && untold === undefined),
    };
  }

  /** Which of the messages have left their notices before. */
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

  /** Adds notices; one that exists stays as it is. */
  async add(notices: readonly NewNotice[], now: number): Promise<void> {
    // What is to be sent comes first, in case a database takes two names for the same.
    const rows = [...notices].sort((a, b) => Number(a.untold !== undefined) - Number(b.untold !== undefined)).map((notice) => rowOf(notice, now));
    if (rows.length > 0) await this.database.insert('notice', COLUMNS, rows, { key: ['converge_id', 'receiver', 'sequence_no'], update: [] });
  }

  /** Receivers for which something is due. */
  async receiversWithDue(now: number): Promise<string[]> {
    const rows = await this.database.query(`SELECT DISTINCT receiver FROM notice WHERE ${OPEN} AND next_attempt_at <= ? ORDER BY receiver`, [now]);
    return rows.map((row) => row['receiver'] as string);
  }

  /** The notices of a receiver that may be tried now, longest due first; of each group only the first that is not finished. */
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
   * Claims a notice for one try that ends by `until`; answers it as it is now, or undefined when it is not ours to send:
   * the number of tries is compared, so that of two senders one gets it.
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

  /** Records what a try came to, with the timelines of the members. False when the claim was no longer ours: then nothing is written. */
  settle(notice: DueNotice, { state, reason, next_attempt_at, last_code, last_error, timeline }: Settlement, now: number): Promise<boolean> {
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

  /** When the next notice becomes due after `now`; undefined when none waits. */
  async nextDue(now: number): Promise<number | undefined> {
    const [row] = await this.database.query(`SELECT MIN(next_attempt_at) AS due FROM notice WHERE ${OPEN} AND next_attempt_at > ?`, [now]);
    return row === undefined || row['due'] === null ? undefined : Number(row['due']);
  }

  async exists(id: number): Promise<boolean> {
    return (await this.database.query('SELECT id FROM notice WHERE id = ?', [id])).length > 0;
  }

  /** A dead notice becomes due again, with the same key and a new patience. False when it is not dead. */
  async revive(id: number, now: number): Promise<boolean> {
    const revived = await this.database.execute(
      "UPDATE notice SET state = 'pending', reason = NULL, next_attempt_at = ?, first_attempt_at = NULL, finished_at = NULL WHERE id = ? AND state = 'dead'",
      [now, id],
    );
    return revived > 0;
  }
}

function rowOf({ receiver, group, untold }: NewNotice, now: number): unknown[] {
  const { converge_id, sequence, status } = group;
  const fate = untold ? ['not_sent', untold] : ['pending', null];
  const end = untold ? [now, null] : [null, JSON.stringify(group)];
  return [receiver, converge_id, sequence, idempotencyKey(receiver, group), status, ...fate, 0, now, now, ...end];
}
