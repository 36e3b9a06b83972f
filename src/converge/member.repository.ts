import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import type { Severity } from '../topics.js';
import { emptyTally, firing, type Tally } from './flush.js';
import type { ConvergeMember } from './converge-member.js';
import { firingPhases, livePhases, nextPhaseSql, phaseList, phasesChangedBy } from './member-phase.js';
import { memberTable } from './member-table.js';
import { MOST_IN_DIGEST, MOST_LISTED } from './message.js';
import { placeholders, type Row } from '../shared/row.js';

const CHUNK = 1000;
const SEQUENCE = '(SELECT g.sequence_no FROM converge_group g WHERE g.converge_id = converge_member.converge_id)';

/** Members of groups. Every method that writes belongs into a transaction that has locked the scopes of their groups. */
@Injectable()
export class MemberRepository {
  constructor(private readonly database: Database) {}

  async find(alertIds: readonly string[]): Promise<ConvergeMember[]> {
    if (alertIds.length === 0) return [];
    const rows = await this.database.query<Row>(`SELECT * FROM converge_member WHERE alert_id IN (${placeholders(alertIds)})`, alertIds);
    return rows.map(memberTable.parse);
  }

  /** Pending members of the open groups of these scopes, by scope. */
  async pending(scopes: readonly string[]): Promise<Map<string, Pick<ConvergeMember, 'alert_id' | 'converge_id'>[]>> {
    const found = new Map<string, Pick<ConvergeMember, 'alert_id' | 'converge_id'>[]>(scopes.map((scope) => [scope, []]));
    if (scopes.length === 0) return found;
    const rows = await this.database.query<Pick<ConvergeMember, 'alert_id' | 'converge_id'> & { scope_key: string }>(
      `SELECT g.scope_key, m.alert_id, m.converge_id FROM converge_group g JOIN converge_member m ON m.converge_id = g.converge_id
       WHERE g.scope_key IN (${placeholders(scopes)}) AND g.state IN ('pending', 'notified') AND g.kind = 'group' AND m.phase = 'pending'`,
      scopes,
    );
    for (const { scope_key, alert_id, converge_id } of rows) found.get(scope_key)!.push({ alert_id, converge_id });
    return found;
  }

  async save(members: readonly ConvergeMember[]): Promise<void> {
    const ordered = [...members].sort((a, b) => (a.alert_id < b.alert_id ? -1 : 1));
    await this.database.insertAll(memberTable, ordered, memberTable.upsert);
  }

  /** Moves members to a storm. MySQL assigns from left to right, so `converge_id` comes last. */
  async move(alertIds: readonly string[], to: string): Promise<void> {
    for (let start = 0; start < alertIds.length; start += CHUNK) {
      const slice = alertIds.slice(start, start + CHUNK);
      await this.database.execute(`UPDATE converge_member SET moved_from = converge_id, converge_id = ? WHERE alert_id IN (${placeholders(slice)})`, [
        to,
        ...slice,
      ]);
    }
  }

  /** Members of each group by phase. */
  async tallies(convergeIds: readonly string[]): Promise<Map<string, Tally>> {
    if (convergeIds.length === 0) return new Map();
    const rows = await this.database.query<Row>(
      `SELECT converge_id, phase, COUNT(*) AS members, MIN(severity) AS severity FROM converge_member
       WHERE converge_id IN (${placeholders(convergeIds)}) AND phase IN (${phaseList(livePhases)}) GROUP BY converge_id, phase`,
      convergeIds,
    );
    return new Map(convergeIds.map((id) => [id, tallyOf(rows.filter((row) => row['converge_id'] === id))]));
  }

  /** The members that the next message of each group may list; `listMembers` chooses among them. */
  async candidates(convergeIds: readonly string[]): Promise<Map<string, ConvergeMember[]>> {
    const found = new Map<string, ConvergeMember[]>(convergeIds.map((id) => [id, []]));
    if (convergeIds.length === 0) return found;
    const rows = await this.database.query<Row>(
      `SELECT m.* FROM converge_member m JOIN (
         SELECT c.alert_id, CASE WHEN g.kind = 'storm' AND c.phase <> 'resolved_pending' THEN ${MOST_IN_DIGEST} ELSE ${MOST_LISTED} END AS most,
           ROW_NUMBER() OVER (
             PARTITION BY c.converge_id, CASE WHEN c.phase = 'resolved_pending' THEN 1 ELSE 0 END
             ORDER BY CASE WHEN g.kind = 'storm' THEN 0 WHEN c.phase IN ('pending', 'pending_late') THEN 0 WHEN c.phase = 'severity_raised' THEN 1 ELSE 2 END,
               c.severity, c.created_at DESC, c.alert_id) AS place
         FROM converge_member c JOIN converge_group g ON g.converge_id = c.converge_id
         WHERE c.converge_id IN (${placeholders(convergeIds)}) AND c.phase IN (${phaseList([...firingPhases, 'resolved_pending'])})
       ) chosen ON chosen.alert_id = m.alert_id WHERE chosen.place <= chosen.most`,
      convergeIds,
    );
    for (const row of rows) found.get(row['converge_id'] as string)!.push(memberTable.parse(row));
    return found;
  }

  /**
   * The latest message of their group listed these members. MySQL assigns from left to right: `phase`, which the others read, comes last,
   * and its next value must not depend on `notified_firing_seq`, which is new by then.
   */
  async markListed(alertIds: readonly string[]): Promise<void> {
    if (alertIds.length === 0) return;
    const ending = phasesChangedBy('listed', 'done');
    await this.database.execute(
      `UPDATE converge_member SET
         notified_firing_seq = CASE WHEN notified_firing_seq IS NULL THEN ${SEQUENCE} ELSE notified_firing_seq END,
         notified_resolved_seq = CASE WHEN phase IN (${phaseList(ending)}) THEN ${SEQUENCE} ELSE notified_resolved_seq END,
         notified_severity = severity,
         phase = ${nextPhaseSql('listed')}
       WHERE alert_id IN (${placeholders(alertIds)}) AND (phase IN (${phaseList(phasesChangedBy('listed'))}) OR notified_severity <> severity)`,
      alertIds,
    );
  }

  /** The digests of these storms were published: the members that they did not list were counted. */
  async markCounted(stormIds: readonly string[]): Promise<void> {
    if (stormIds.length === 0) return;
    const ending = phasesChangedBy('counted', 'done');
    await this.database.execute(
      `UPDATE converge_member SET
         not_notified_reason = CASE WHEN phase IN (${phaseList(ending)}) THEN 'counted_in_storm' ELSE not_notified_reason END,
         notified_severity = severity,
         phase = ${nextPhaseSql('counted')}
       WHERE converge_id IN (${placeholders(stormIds)}) AND phase IN (${phaseList(phasesChangedBy('counted'))})`,
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
