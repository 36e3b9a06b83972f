import type { MigrationInterface, QueryRunner } from 'typeorm';
import { column, nullable, primary, table } from '../src/database/columns.client.js';

/** The log seam: cursors, outbox, leases; for the embedded mode the log itself. */
export class Log1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = runner.dataSource.options.type === 'better-sqlite3';
    await runner.createTable(
      table('stream_cursor', [
        primary(column.text('consumer_group', 64)),
        primary(column.text('topic', 128)),
        primary(column.int('partition_no')),
        column.bigint('next_offset'),
        column.bigint('state_offset'),
        column.bigint('epoch'),
        column.bigint('generation'),
        column.text('owner', 128),
        column.bigint('updated_at'),
      ]),
    );
    await runner.createTable(
      table('lease', [primary(column.text('name', 64)), column.text('owner', 128), column.bigint('epoch'), column.bigint('expires_at')]),
    );
    await runner.createTable(
      table('audit', [
        column.sequence('id'),
        column.bigint('at'),
        column.text('actor_kind', 16),
        column.text('actor_name', 128),
        column.text('action', 64),
        column.text('object_kind', 64),
        column.text('object_id', 255),
        column.long('why'),
        nullable(column.long('detail')),
      ]),
    );
    if (sqlite) {
      await runner.query('CREATE TABLE log_topic (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID');
      await runner.query(
        `CREATE TABLE log_partition (topic TEXT NOT NULL, partition_no INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
         bytes INTEGER NOT NULL, PRIMARY KEY (topic, partition_no)) WITHOUT ROWID`,
      );
      await runner.query(
        `CREATE TABLE log_record (topic TEXT NOT NULL, partition_no INTEGER NOT NULL, record_offset INTEGER NOT NULL,
         timestamp INTEGER NOT NULL, record_key BLOB, value BLOB, headers TEXT, PRIMARY KEY (topic, partition_no, record_offset)) WITHOUT ROWID`,
      );
      await runner.query(
        `CREATE TABLE log_position (consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition_no INTEGER NOT NULL, next_offset INTEGER NOT NULL,
         PRIMARY KEY (consumer_group, topic, partition_no)) WITHOUT ROWID`,
      );
    } else {
      await runner.query(
        `CREATE TABLE outbox (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, lane VARCHAR(191) NOT NULL, parcel LONGBLOB NOT NULL,
         created_at BIGINT NOT NULL, INDEX ix_outbox_lane (lane, id)) ENGINE=InnoDB`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['outbox', 'log_position', 'log_record', 'log_partition', 'log_topic', 'audit', 'lease', 'stream_cursor']) {
      await runner.dropTable(name, true);
    }
  }
}
