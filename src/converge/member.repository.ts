import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { Severity } from '../topics.js';
import { emptyTally, firing, type Tally } from './flush.js';
import { firingPhases, livePhases, type Membership } from './membership.js';
import { changingMemberColumns, memberColumns, memberOf, memberRow } from './member-row.js';
import { MOST_IN_DIGEST, MOST_LISTED } from './message.js';
import { placeholders, type Row } from '../shared/row.js';

const quoted = (phases: readonly string[]): string => phases.map((phase) => `'${phase}'`).join(', ');
const CHUNK = 1000;
const SEQUENCE = '(SELECT g.sequence_no FROM converge_group g WHERE g.converge_id = converge_member.converge_id)';

/** Members of groups; every writing method belongs into a transaction that holds the scopes of their groups. */
@Injectable()
export class MemberRepository {
  constructor(private readonly database: Database) {}

  async find(alertIds: readonly string[]): Promise<Membership[]> {
    if (alertIds.length === 0) return [];
    const rows = await this.database.query<Row>(`SELECT * FROM converge_member WHERE alert_id IN (${placeholders(alertIds)})`, alertIds);
    return rows.map(memberOf);
  }

  /** Firing members of the open groups of these scopes that nobody was told of, by scope. */
  async untold(scopes: readonly string[]): Promise<Map<string, Pick<Membership, 'alert_id' | 'converge_id'>[]>> {
    const found = new Map<string, Pick<Membership, 'alert_id' | 'converge_id'>[]>(scopes.map((scope) => [scope, []]));
    if (scopes.length === 0) return found;
    const rows = await this.database.query<Pick<Membership, 'alert_id' | 'converge_id'> & { scope_key: string }>(
      `SELECT g.scope_key, m.alert_id, m.converge_id FROM converge_group g JOIN converge_member m ON m.converge_id = g.converge_id
       WHERE g.scope_key IN (${placeholders(scopes)}) AND g.state IN ('waiting', 'notified') AND g.kind = 'group' AND m.phase = 'untold'`,
      scopes,
    );
    for (const { scope_key, alert_id, converge_id } of rows) found.get(scope_key)!.push({ alert_id, converge_id });
    return found;
  }

  async save(members: readonly Membership[]): Promise<void> {
    if (members.length === 0) return;
    const rows = [...members].sort((a, b) => (a.alert_id < b.alert_id ? -1 : 1)).map(memberRow);
    await this.database.insert('converge_member', memberColumns, rows, { key: ['alert_id'], update: changingMemberColumns });
  }

  /** A storm takes members. MySQL assigns from left to right, so `converge_id` comes last. */
  async move(alertIds: readonly string[], to: string): Promise<void> {
    for (let start = 0; start < alertIds.length; start += CHUNK) {
      const slice = alertIds.slice(start, start + CHUNK);
      await this.database.execute(`UPDATE converge_member SET moved_from = converge_id, converge_id = ? WHERE alert_id IN (${placeholders(slice)})`, [
        to,
        ...slice,
      ]);
    }
  }

  /** How many members of each group are in which phase. */
  async tallies(convergeIds: readonly string[]): Promise<Map<string, Tally>> {
    if (convergeIds.length === 0) return new Map();
    const rows = await this.database.query<Row>(
      `SELECT converge_id, phase, COUNT(*) AS members, MIN(severity) AS severity FROM converge_member
       WHERE converge_id IN (${placeholders(convergeIds)}) AND phase IN (${quoted(livePhases)}) GROUP BY converge_id, phase`,
      convergeIds,
    );
    return new Map(convergeIds.map((id) => [id, tallyOf(rows.filter((row) => row['converge_id'] === id))]));
  }

  /** The members that the next message of each group may name; `message.ts` chooses among them. */
  async candidates(convergeIds: readonly string[]): Promise<Map<string, Membership[]>> {
    const found = new Map<string, Membership[]>(convergeIds.map((id) => [id, []]));
    if (convergeIds.length === 0) return found;
    const rows = await this.database.query<Row>(
      `SELECT m.* FROM converge_member m JOIN (
         SELECT c.alert_id, CASE WHEN g.kind = 'storm' AND c.phase <> 'resolved' THEN ${MOST_IN_DIGEST} ELSE ${MOST_LISTED} END AS most,
           ROW_NUMBER() OVER (
             PARTITION BY c.converge_id, CASE WHEN c.phase = 'resolved' THEN 1 ELSE 0 END
             ORDER BY CASE WHEN g.kind = 'storm' THEN 0 WHEN c.phase IN ('untold', 'late') THEN 0 WHEN c.phase = 'raised' THEN 1 ELSE 2 END,
               c.severity, c.born_at DESC, c.alert_id) AS place
         FROM converge_member c JOIN converge_group g ON g.converge_id = c.converge_id
         WHERE c.converge_id IN (${placeholders(convergeIds)}) AND c.phase IN (${quoted([...firingPhases, 'resolved'])})
       ) chosen ON chosen.alert_id = m.alert_id WHERE chosen.place <= chosen.most`,
      convergeIds,
    );
    for (const row of rows) found.get(row['converge_id'] as string)!.push(memberOf(row));
    return found;
  }

  /** These members were named in their group's latest message. MySQL assigns from left to right, so `phase`, which the others read, comes last. */
  async named(alertIds: readonly string[]): Promise<void> {
    if (alertIds.length === 0) return;
    await this.database.execute(
      `UPDATE converge_member SET
         told_firing_seq = CASE WHEN told_firing_seq IS NULL THEN ${SEQUENCE} ELSE told_firing_seq END,
         told_resolved_seq = CASE WHEN phase = 'resolved' THEN ${SEQUENCE} ELSE told_resolved_seq END,
         told_severity = severity,
         phase = CASE phase WHEN 'resolved' THEN 'left' WHEN 'late' THEN 'resolved' ELSE 'told' END
       WHERE alert_id IN (${placeholders(alertIds)}) AND (phase <> 'told' OR told_severity <> severity)`,
      alertIds,
    );
  }

  /** The digests of these storms were published: whoever they did not name was counted. */
  async counted(stormIds: readonly string[]): Promise<void> {
    if (stormIds.length === 0) return;
    await this.database.execute(
      `UPDATE converge_member SET
         unsent_reason = CASE WHEN phase IN ('late', 'gone') THEN 'counted_in_storm' ELSE unsent_reason END,
         told_severity = severity,
         phase = CASE WHEN phase IN ('late', 'gone') THEN 'left' WHEN told_firing_seq IS NULL THEN 'counted' ELSE 'told' END
       WHERE converge_id IN (${placeholders(stormIds)}) AND phase IN ('untold', 'raised', 'late', 'gone')`,
      stormIds,
    );
  }
}

function tallyOf(rows: readonly Row[]): Tally {
  const counts = Object.fromEntries(rows.map((row) => [row['phase'] as string, Number(row['members'])]));
  const tally: Tally = { ...emptyTally, ...counts };
  const open = rows.filter((row) => (firingPhases as readonly unknown[]).includes(row['phase']));
  const severities = (firing(tally) > 0 ? open : rows).map((row) => Number(row['severity']));
  return { ...tally, severity: Math.min(3, ...severities) as Severity };
}
