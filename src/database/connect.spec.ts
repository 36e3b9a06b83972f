import { aSqlite } from '../../test/support/database.js';
import { openMysql } from './connect.js';

it('the embedded database waits for the disk at every commit, and its journal survives the process', async () => {
  const { database, close } = await aSqlite();
  const [journal] = (await database.writer.query('PRAGMA journal_mode')) as Record<string, unknown>[];
  const [synchronous] = (await database.writer.query('PRAGMA synchronous')) as Record<string, unknown>[];
  await close();
  expect([journal, synchronous]).toEqual([{ journal_mode: 'wal' }, { synchronous: 2 }]);
});

// Where DATABASE_URL names a server; the test script sees to it.
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
}
