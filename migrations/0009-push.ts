import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, table } from '../src/database/columns.client.js';

/** Pushes of alerts to the queues of fault self-healing systems. */
export class Push1700000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      table(
        'push',
        [
          column.sequence('id'),
          column.text('queue_key', 64),
          column.text('queue_name', 255),
          column.text('bk_biz_id', 128),
          column.text('alert_id', 64),
          column.text('alert_key', 64),
          column.text('event_id', 64),
          column.text('push_type', 32),
          column.long('body'),
          column.text('state', 16),
          nullable(column.text('reason', 64)),
          column.int('attempts'),
          column.bigint('created_at'),
          nullable(column.bigint('finished_at')),
          nullable(column.text('last_error', 1000)),
        ],
        [{ columns: ['event_id', 'queue_key'], unique: true }, { columns: ['state', 'queue_key', 'id'] }, { columns: ['alert_id'] }],
      ),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('push');
  }
}
