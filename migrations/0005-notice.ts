import type { MigrationInterface, QueryRunner, TableColumnOptions } from 'typeorm';
import { column, nullable, table, withDefault } from '../src/database/columns.client.js';

/** JSON and long texts as we wrote them, up to 16 MiB. */
const wide = (name: string): TableColumnOptions => ({ name, type: 'mediumtext' });

/** Receivers, and the notices that they are due. */
export class Notice1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const long = runner.dataSource.options.type === 'better-sqlite3' ? 'integer' : 'bigint';
    await runner.createTable(
      table(
        'notice_receiver',
        [
          column.sequence('id'),
          column.text('name', 128),
          column.text('channel', 32),
          wide('settings'),
          withDefault(column.flag('send_resolved'), true),
          withDefault(column.flag('is_default'), true),
          withDefault(column.flag('is_enabled'), true),
          column.bigint('created_at'),
          column.bigint('updated_at'),
        ],
        [{ columns: ['name'], unique: true }],
      ),
    );
    await runner.createTable(
      table(
        'notice',
        [
          { ...column.sequence('id'), type: long },
          column.text('receiver', 128),
          column.text('converge_id', 64),
          column.bigint('sequence_no'),
          column.text('idempotency_key', 32),
          column.text('status', 16),
          column.text('state', 16),
          // Why it was not sent, or why it is dead.
          nullable(column.text('reason', 64)),
          column.int('attempts'),
          // pending: when it is due; sending: when the claim of the sender ends.
          column.bigint('next_attempt_at'),
          column.bigint('created_at'),
          nullable(column.bigint('first_attempt_at')),
          nullable(column.bigint('finished_at')),
          nullable(column.int('last_code')),
          nullable(column.long('last_error')),
          // The converged message; NULL when it was never meant to be sent.
          nullable(wide('body')),
        ],
        [
          { columns: ['converge_id', 'receiver', 'sequence_no'], unique: true },
          { columns: ['converge_id', 'receiver', 'state'] },
          { columns: ['state', 'receiver', 'next_attempt_at'] },
        ],
      ),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['notice', 'notice_receiver']) await runner.dropTable(name, true);
  }
}
