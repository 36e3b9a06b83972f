import { aSqlite, databases } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { migrate, openMysql } from './connection.client.js';
import { passingTrouble } from './failures.js';

it('the embedded database waits for the disk at every commit, and its journal survives the process', async () => {
  const { database, close } = await aSqlite();
  const [journal] = (await database.writer.query('PRAGMA journal_mode')) as Record<string, unknown>[];
  const [synchronous] = (await database.writer.query('PRAGMA synchronous')) as Record<string, unknown>[];
  await close();
  expect([journal, synchronous]).toEqual([{ journal_mode: 'wal' }, { synchronous: 2 }]);
});

describe.each(databases)('a schema of a development version on %s', (_name, open) => {
  it('is refused with what to do, and left as it is', async () => {
    const { database, close } = await open();
    const tables = async (): Promise<unknown> => {
      const runner = database.writer.createQueryRunner();
      const found = await Promise.all(['alert', 'stream_cursor', 'migrations'].map((name) => runner.hasTable(name)));
      await runner.release();
      return found;
    };
    await database.writer.query('DROP TABLE alert');
    await database.writer.query("UPDATE migrations SET timestamp = 1700000000003, name = 'Alert1700000000003'");
    await expect(migrate(database)).rejects.toMatchObject({ code: 'T5039', message: expect.stringContaining('empty database') });
    expect(await tables()).toEqual([false, true, true]);
    await close();
  });
});

// Runs only when DATABASE_URL names a server; the test script sets it.
for (const url of process.env['DATABASE_URL'] ? [process.env['DATABASE_URL']] : []) {
  it('every connection of the distributed mode reads what is committed, the very first included', async () => {
    const database = await openMysql(url, 3);
    const runners = [1, 2, 3].map(() => database.writer.createQueryRunner());
    await Promise.all(runners.map((runner) => runner.connect()));
    const sql = "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')";
    const levels = await Promise.all(runners.map((runner) => runner.query(sql) as Promise<{ Value: string }[]>));
    await Promise.all(runners.map((runner) => runner.release()));
    await database.close();
    expect(levels.map(([level]) => level?.Value)).toEqual(['READ-COMMITTED', 'READ-COMMITTED', 'READ-COMMITTED']);
  });

  it('a transaction whose process has fallen silent gives its locks back, and cannot be committed any more', async () => {
    const [frozen, next] = [await openMysql(url, 2, 10_000, 1), await openMysql(url, 2)];
    await next.transaction(() => next.execute('CREATE TABLE IF NOT EXISTS idle_lock (id INT PRIMARY KEY, who VARCHAR(10))'));
    await next.transaction(() => next.insert('idle_lock', ['id', 'who'], [[1, 'nobody']], { key: ['id'], update: ['who'] }));
    let thaw: (() => void) | undefined;
    const silent = frozen.transaction(async () => {
      await frozen.execute("UPDATE idle_lock SET who = 'frozen' WHERE id = 1");
      await new Promise<void>((resolve) => (thaw = resolve));
      await frozen.execute("UPDATE idle_lock SET who = 'thawed' WHERE id = 1");
    });
    silent.catch(() => undefined);
    await eventually(() => thaw !== undefined, 'the lock to be taken');
    await next.transaction(() => next.execute("UPDATE idle_lock SET who = 'next' WHERE id = 1"));
    thaw?.();
    await expect(silent).rejects.toThrow();
    expect(passingTrouble(await silent.catch((error: unknown) => error))).toBe('connection');
    expect(await next.query('SELECT who FROM idle_lock')).toEqual([{ who: 'next' }]);
    await next.transaction(() => next.execute('DROP TABLE idle_lock'));
    await Promise.all([frozen.close(), next.close()]);
  });
}
