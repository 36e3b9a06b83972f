import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** What people do to running consumers: partitions that are held, dead letters that were driven again, databases that are sandboxes. */
export class Operations1700000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      table('partition_hold', [
        primary(column.text('consumer_group', 128)),
        primary(column.text('topic', 249)),
        primary(column.int('partition_no')),
        // paused (by command) or stopped (by the consumer itself)
        primary(column.text('kind', 16)),
        nullable(column.text('code', 8)),
        column.text('why', 1000),
        column.text('held_by', 128),
        column.bigint('held_at'),
        nullable(column.bigint('until_at')),
      ]),
    );
    await runner.createTable(
      table('redriven_letter', [
        // identity(topic, partition, offset, bytes) of the record as it first stood
        primary(column.text('origin', 32)),
        column.text('letter', 160),
        // of the command that drives it: two at once must not both do it
        column.text('token', 36),
        column.text('redriven_by', 128),
        column.bigint('redriven_at'),
      ]),
    );
    await runner.createTable(table('sandbox', [primary(column.int('id')), column.bigint('made_at'), column.long('origin')]));
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['sandbox', 'redriven_letter', 'partition_hold']) await runner.dropTable(name, true);
  }
}
