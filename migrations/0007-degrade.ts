import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** Degrade switches: what is dropped on purpose for a while. */
export class Degrade1700000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      table('degrade_switch', [
        // identity(source): names that differ in case only are different sources.
        primary(column.text('id', 32)),
        column.text('source', 64),
        nullable(column.int('drop_priority')),
        nullable(column.double('keep_share')),
        column.text('reason', 255),
        column.text('set_by', 128),
        column.bigint('set_at'),
        column.bigint('expires_at'),
      ]),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('degrade_switch', true);
  }
}
