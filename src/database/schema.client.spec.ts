import { databases, type TestDatabase } from '../../test/support/database.js';
import { int, json, nullable, sequence, since, textColumn, withDefault } from './column.js';
import type { Database } from './database.client.js';
import { createTableSql } from './ddl.js';
import { addColumns, createTables } from './schema.client.js';
import { table } from './table.js';

interface Bell {
  readonly id: number;
  readonly tower: string;
}

const first = table<Bell, never, 'id'>('bell', { id: sequence(), tower: textColumn(16) }, { unique: [['tower']] });
/** The same table, two migrations later. */
const later = table<Bell & { readonly notes: readonly string[] | null; readonly strokes: number; readonly pitch: number | null }, never, 'id'>(
  'bell',
  {
    id: sequence(),
    tower: textColumn(16),
    notes: since('0002', nullable(json())),
    strokes: since('0002', withDefault(int(), 12)),
    pitch: since('0003', nullable(int())),
  },
  { unique: [['tower']], indexes: [['tower', 'strokes'], ['pitch']] },
);

describe.each(databases)('the schema on %s', (_name, open) => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await open();
    database = test.database;
  });
  afterEach(() => database.writer.query('DROP TABLE bell'));
  afterAll(() => test.close());

  const bells = async () => (await database.query(`SELECT ${later.selection} FROM bell ORDER BY id`)).map(later.parse);
  const migrating = async (work: (runner: ReturnType<Database['writer']['createQueryRunner']>) => Promise<void>): Promise<void> => {
    const runner = database.writer.createQueryRunner();
    try {
      await work(runner);
    } finally {
      await runner.release();
    }
  };

  it('takes later columns with one call for each migration, and rows that exist keep what they have', async () => {
    await migrating((runner) => createTables(runner, [first]));
    await database.transaction(() => database.insertAll(first, [{ tower: 'north' }]));
    await migrating((runner) => addColumns(runner, [later], '0002'));
    await migrating((runner) => addColumns(runner, [later], '0003'));
    await database.transaction(() => database.insertAll(later, [{ tower: 'south', notes: ['cracked'], strokes: 3, pitch: 440 }]));
    expect(await bells()).toEqual([
      { id: 1, tower: 'north', notes: null, strokes: 12, pitch: null },
      { id: 2, tower: 'south', notes: ['cracked'], strokes: 3, pitch: 440 },
    ]);
  });

  it('is the same after its migrations as they are written today, whatever the tables say by now', async () => {
    await migrating(async (runner) => {
      await createTables(runner, [later]);
      await addColumns(runner, [later], '0002');
      await addColumns(runner, [later], '0003');
    });
    await database.transaction(() => database.insertAll(later, [{ tower: 'south', notes: null, strokes: 3, pitch: null }]));
    expect(await bells()).toEqual([{ id: 1, tower: 'south', notes: null, strokes: 3, pitch: null }]);
    const again = database.transaction(() => database.insertAll(later, [{ tower: 'south', notes: null, strokes: 1, pitch: null }]));
    await expect(again).rejects.toThrow(/unique|duplicate/i);
  });
});

describe('the DDL', () => {
  it('creates an index together with the youngest of its columns', () => {
    expect(createTableSql('sqlite', later)).toEqual([
      'CREATE TABLE bell (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, tower VARCHAR(16) NOT NULL)',
      'CREATE UNIQUE INDEX uq_bell_tower ON bell (tower)',
    ]);
  });

  it('refuses a later column that rows which exist could not have', () => {
    expect(() => table<{ readonly tower: string }>('bell', { tower: since('0002', textColumn(16)) })).toThrow('bell.tower comes later');
  });
});
