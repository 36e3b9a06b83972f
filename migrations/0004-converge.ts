import type { MigrationInterface, QueryRunner, TableColumnOptions } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** JSON as we wrote it, up to 16 MiB. */
const wide = (name: string): TableColumnOptions => ({ name, type: 'mediumtext' });

/** Groups of alerts, their members, and the arrivals by which storms are noticed. */
export class Converge1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The row of a scope is also the lock of everything that belongs to it.
    await runner.createTable(table('converge_scope', [primary(column.text('scope_key', 32)), column.long('arrivals')]));
    await runner.createTable(
      table(
        'converge_group',
        [
          primary(column.text('converge_id', 32)),
          // Equals group_key while the group is open, NULL afterwards: the database itself refuses a second open group of one key.
          nullable(column.text('open_key', 32)),
          column.text('group_key', 32),
          column.text('scope_key', 32),
          column.text('kind', 16),
          column.text('state', 16),
          nullable(column.text('end_reason', 32)),
          column.text('bk_biz_id', 128),
          column.bigint('strategy_id'),
          column.text('name', 255),
          wide('dimensions'),
          nullable(wide('receivers')),
          column.bigint('sequence_no'),
          column.bigint('joined'),
          column.flag('is_accepting'),
          column.bigint('opened_at'),
          nullable(column.bigint('notified_at')),
          nullable(column.bigint('next_flush_at')),
          nullable(column.bigint('ended_at')),
        ],
        [
          { columns: ['open_key'], unique: true },
          { columns: ['next_flush_at'] },
          { columns: ['scope_key', 'state'] },
          { columns: ['state', 'opened_at', 'converge_id'] },
        ],
      ),
    );
    await runner.createTable(
      table(
        'converge_member',
        [
          primary(column.text('alert_id', 64)),
          column.text('alert_key', 64),
          column.text('converge_id', 32),
          nullable(column.text('moved_from', 32)),
          column.text('phase', 16),
          column.int('severity'),
          nullable(column.int('notified_severity')),
          column.bigint('transition_no'),
          column.bigint('created_at'),
          nullable(column.bigint('ended_at')),
          nullable(column.bigint('notified_firing_seq')),
          nullable(column.bigint('notified_resolved_seq')),
          nullable(column.text('not_notified_reason', 32)),
          wide('alert'),
        ],
        [{ columns: ['converge_id', 'phase', 'severity', 'created_at'] }],
      ),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['converge_member', 'converge_group', 'converge_scope']) await runner.dropTable(name, true);
  }
}
