import type { MigrationInterface, QueryRunner } from 'typeorm';
import { degradeTable } from '../src/access/degrade/degrade-table.js';
import { sourceTable, sourceVersionTable, tokenTable } from '../src/access/registry/source-table.js';
import { alertTable } from '../src/alert/alert-table.js';
import { sandboxTable } from '../src/app/sandbox-table.js';
import { groupTable, scopeTable } from '../src/converge/group-table.js';
import { memberTable } from '../src/converge/member-table.js';
import { auditTable } from '../src/database/audit-table.js';
import { leaseTable } from '../src/database/lease-table.js';
import { createTables, dropTables } from '../src/database/schema.client.js';
import { timelineTable } from '../src/database/timeline-table.js';
import { checkpointTable } from '../src/detect/checkpoint-table.js';
import { rulesVersionTable, strategyTable, strategyVersionTable } from '../src/detect/strategy-table.js';
import { partitionPauseTable } from '../src/log/consuming/partition-pause-table.js';
import { cursorTable } from '../src/log/cursor-table.js';
import { logPartitionTable, logPositionTable, logRecordTable, logTopicTable } from '../src/log/embedded/log-tables.js';
import { outboxTable } from '../src/log/kafka/producer/outbox-table.js';
import { noticeTable } from '../src/notice/notice-table.js';
import { receiverTable } from '../src/notice/receiver-table.js';
import { redrivenTable } from '../src/ops/dead-letters/redriven-table.js';
import { pushTable } from '../src/push/push-table.js';
import { replicaTable } from '../src/sources/replica-table.js';

const log = [cursorTable, outboxTable, logTopicTable, logPartitionTable, logRecordTable, logPositionTable, partitionPauseTable];
const operations = [leaseTable, auditTable, redrivenTable, sandboxTable];
const sources = [sourceTable, sourceVersionTable, tokenTable, replicaTable, degradeTable];
const detect = [strategyTable, strategyVersionTable, rulesVersionTable, checkpointTable];
const alert = [alertTable, timelineTable];
const converge = [scopeTable, groupTable, memberTable];
const notice = [receiverTable, noticeTable, pushTable];

const tables = [...log, ...operations, ...sources, ...detect, ...alert, ...converge, ...notice];

/** Every table of the first release. A later migration adds columns with `addColumns(runner, [alertTable], '0002')`. */
export class Baseline1800000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTables(runner, tables);
    for (const { name } of [rulesVersionTable, sourceVersionTable]) await runner.query(`INSERT INTO ${name} (id, version) VALUES (1, 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropTables(runner, tables);
  }
}
