import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** Strategies with every version they ever had, and the checkpoints of Detect's memory. */
export class Detect1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      table(
        'strategy',
        [
          column.sequence('id'),
          column.text('bk_biz_id', 128),
          column.text('name', 128),
          // identity(business, name) while the strategy lives: one living strategy for each name
          nullable(column.text('live_key', 32)),
          column.int('version'),
          column.bigint('created_at'),
          column.bigint('updated_at'),
        ],
        [{ columns: ['live_key'], unique: true }],
      ),
    );
    await runner.createTable(
      table(
        'strategy_version',
        [
          primary(column.int('strategy_id')),
          primary(column.int('version')),
          column.int('rules_version'),
          // null: the strategy was deleted
          nullable(column.long('body')),
          column.text('changed_by', 128),
          column.bigint('changed_at'),
        ],
        [{ columns: ['rules_version'] }],
      ),
    );
    await runner.createTable(table('rules_version', [primary(column.int('id')), column.int('version')]));
    await runner.query('INSERT INTO rules_version (id, version) VALUES (1, 0)');
    const blob = runner.dataSource.options.type === 'better-sqlite3' ? 'BLOB' : 'LONGBLOB';
    await runner.query(
      `CREATE TABLE detect_checkpoint (topic VARCHAR(128) NOT NULL, partition_no INT NOT NULL, block VARCHAR(120) NOT NULL, content ${blob} NOT NULL,
       PRIMARY KEY (topic, partition_no, block))`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['detect_checkpoint', 'rules_version', 'strategy_version', 'strategy']) await runner.dropTable(name, true);
  }
}
