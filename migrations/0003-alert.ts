import type { MigrationInterface, QueryRunner, TableColumnOptions } from 'typeorm';
import { column, nullable, primary, table, withDefault } from '../src/database/columns.client.js';

/** JSON and long texts as we wrote them, up to 16 MiB; a JSON column of MySQL would reorder and reformat them. */
const wide = (name: string): TableColumnOptions => ({ name, type: 'mediumtext' });

// What is fixed at birth has a default: an upsert of rows that exist may then leave it out, which makes it half as expensive.
const fixedText = (name: string, length: number): TableColumnOptions => withDefault(column.text(name, length), "''");
const fixedNumber = (name: string): TableColumnOptions => withDefault(column.bigint(name), 0);

/** Alerts and what happened to them. */
export class Alert1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const long = runner.dataSource.options.type === 'better-sqlite3' ? 'integer' : 'bigint';
    await runner.createTable(
      table(
        'alert',
        [
          primary(column.text('alert_id', 64)),
          fixedText('alert_key', 64),
          // Equals alert_key while the alert is open, NULL afterwards: the database itself refuses a second open alert of one key.
          nullable(column.text('open_key', 64)),
          fixedText('bk_biz_id', 128),
          fixedNumber('strategy_id'),
          fixedNumber('strategy_version'),
          fixedText('strategy_name', 255),
          fixedText('alert_name', 255),
          column.text('status', 16),
          column.int('severity'),
          fixedText('target_type', 64),
          fixedText('target', 255),
          nullable(wide('dimensions')),
          nullable(wide('labels')),
          wide('annotations'),
          fixedText('metric', 255),
          nullable(column.double('value')),
          wide('description'),
          fixedNumber('begin_time'),
          column.bigint('latest_time'),
          nullable(column.bigint('end_time')),
          nullable(column.text('end_reason', 255)),
          column.bigint('transition_no'),
          column.flag('is_acknowledged'),
          nullable(column.text('acknowledged_by', 255)),
          nullable(column.bigint('acknowledged_at')),
          column.flag('is_shielded'),
          column.flag('is_recovering'),
          column.flag('is_blocked'),
          column.flag('is_flapping'),
          nullable(wide('generator_url')),
          fixedNumber('created_at'),
          column.bigint('updated_at'),
        ],
        [
          { columns: ['open_key'], unique: true },
          { columns: ['begin_time', 'alert_id'] },
          { columns: ['status', 'begin_time', 'alert_id'] },
          { columns: ['strategy_id', 'begin_time'] },
        ],
      ),
    );
    await runner.createTable(
      table(
        'alert_timeline',
        [
          { ...column.sequence('id'), type: long },
          column.text('alert_id', 64),
          column.bigint('at'),
          column.bigint('recorded_at'),
          column.text('what', 32),
          column.text('actor', 255),
          column.long('why'),
          nullable(wide('detail')),
          nullable(column.bigint('transition_no')),
        ],
        [{ columns: ['alert_id', 'id'] }],
      ),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['alert_timeline', 'alert']) await runner.dropTable(name, true);
  }
}
