import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { emptyTally, firing, type Tally } from './flush.js';
import type { Group } from './group.js';
import type { GroupQuery, MemberQuery } from './group-query.js';
import { groupTable } from './group-table.js';
import { MemberRepository } from './member.repository.js';
import type { ConvergeMember } from './converge-member.js';
import { memberTable } from './member-table.js';
import { type Page, pageOf } from '../shared/page.js';
import { placeholders, type Row } from '../shared/row.js';

/** A group as the API shows it. */
export type GroupView = Omit<Group, 'open_key' | 'scope_key'> & {
  readonly severity: Tally['severity'];
  /** `resolved`: ended, but not notified as resolved yet. `total`: alerts that ever joined. */
  readonly counts: { readonly firing: number; readonly resolved: number; readonly total: number };
};

/** Groups and their members, as the API shows them. */
@Injectable()
export class GroupReader {
  constructor(
    private readonly database: Database,
    private readonly members: MemberRepository,
  ) {}

  /** Newest first. */
  async page({ state, bk_biz_id, strategy_id, kind, limit, cursor }: GroupQuery): Promise<Page<GroupView>> {
    const conditions: [sql: string, ...parameters: unknown[]][] = [[`state IN (${placeholders(state)})`, ...state]];
    if (bk_biz_id !== undefined) conditions.push(['bk_biz_id = ?', bk_biz_id]);
    if (strategy_id !== undefined) conditions.push(['strategy_id = ?', strategy_id]);
    if (kind !== undefined) conditions.push(['kind = ?', kind]);
    if (cursor) conditions.push(['opened_at <= ? AND (opened_at < ? OR converge_id < ?)', cursor[0], cursor[0], cursor[1]]);
    const rows = await this.database.query<Row>(
      `SELECT * FROM converge_group WHERE ${conditions.map(([sql]) => sql).join(' AND ')} ORDER BY opened_at DESC, converge_id DESC LIMIT ?`,
      [...conditions.flatMap(([, ...parameters]) => parameters), limit + 1],
    );
    const { items, next_cursor } = pageOf(rows.map(groupTable.parse), limit, ({ opened_at, converge_id }) => [opened_at, converge_id]);
    return { items: await this.#views(items), next_cursor };
  }

  async find(convergeId: string): Promise<GroupView | undefined> {
    const rows = await this.database.query<Row>('SELECT * FROM converge_group WHERE converge_id = ?', [convergeId]);
    return (await this.#views(rows.map(groupTable.parse)))[0];
  }

  /** Every member, the latest first. */
  async membersOf(convergeId: string, { limit, cursor }: MemberQuery): Promise<Page<ConvergeMember>> {
    const after = cursor ? ' AND created_at <= ? AND (created_at < ? OR alert_id < ?)' : '';
    const rows = await this.database.query<Row>(
      `SELECT * FROM converge_member WHERE converge_id = ?${after} ORDER BY created_at DESC, alert_id DESC LIMIT ?`,
      [convergeId, ...(cursor ? [cursor[0], cursor[0], cursor[1]] : []), limit + 1],
    );
    return pageOf(rows.map(memberTable.parse), limit, ({ created_at, alert_id }) => [created_at, alert_id]);
  }

  async #views(groups: readonly Group[]): Promise<GroupView[]> {
    const tallies = await this.members.tallies(groups.map(({ converge_id }) => converge_id));
    return groups.map(({ open_key: _open, scope_key: _scope, ...group }) => {
      const tally = tallies.get(group.converge_id) ?? emptyTally;
      return {
        ...group,
        severity: tally.severity,
        counts: { firing: firing(tally) - tally.pending_late, resolved: over(tally), total: group.joined },
      };
    });
  }
}

const over = ({ pending_late, resolved_pending, resolved_counted }: Tally): number => pending_late + resolved_pending + resolved_counted;
