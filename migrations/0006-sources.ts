import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** Sources that senders and foreign clusters feed; their tokens; which replica lives, and what it says of its sources. */
export class Sources1700000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      table(
        'source',
        [
          column.sequence('id'),
          column.text('name', 64),
          column.text('kind', 16),
          nullable(column.bigint('data_id')),
          // JSON without secrets; these are sealed.
          column.long('definition'),
          nullable(column.long('secrets')),
          column.bigint('version'),
          // Since when what is declared now is read: where `start: latest` begins.
          column.bigint('declared_at'),
          column.bigint('created_at'),
          column.bigint('updated_at'),
        ],
        [
          { columns: ['name'], unique: true },
          { columns: ['data_id'], unique: true },
        ],
      ),
    );
    await runner.createTable(table('source_version', [primary(column.int('id')), column.bigint('version')]));
    await runner.query('INSERT INTO source_version (id, version) VALUES (1, 0)');
    await runner.createTable(
      table(
        'source_token',
        [column.sequence('id'), column.int('source_id'), column.text('hash', 64), column.bigint('created_at')],
        [{ columns: ['hash'], unique: true }, { columns: ['source_id'] }],
      ),
    );
    await runner.createTable(table('source_replica', [primary(column.text('instance', 128)), column.bigint('expires_at'), column.long('states')]));
    // Topics of other people's clusters have longer names, and names that differ in case only.
    if (runner.dataSource.options.type !== 'better-sqlite3') {
      await runner.query(
        `ALTER TABLE stream_cursor MODIFY consumer_group VARCHAR(128) NOT NULL,
         MODIFY topic VARCHAR(249) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['source_replica', 'source_token', 'source_version', 'source']) await runner.dropTable(name, true);
  }
}
