import { databases, type TestDatabase } from '../../test/support/database.js';
import { COMMANDS, type Database } from './database.client.js';

describe.each(databases)('transactions on %s', (_name, open) => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await open();
    database = test.database;
    await database.writer.query('CREATE TABLE thing (id INT PRIMARY KEY, name VARCHAR(8) NOT NULL)');
  });
  afterEach(() => database.writer.query('DELETE FROM thing'));
  afterAll(() => test.close());

  const add = (id: number, name = 'x'): Promise<void> => database.insert('thing', ['id', 'name'], [[id, name]]);
  const ids = async (): Promise<number[]> => (await database.query<{ id: number }>('SELECT id FROM thing ORDER BY id')).map(({ id }) => id);
  const fail = (): never => {
    throw new Error('no');
  };

  it('keep all or nothing', async () => {
    await database.transaction(() => add(1));
    await expect(database.transaction(() => add(2).then(fail))).rejects.toThrow('no');
    expect(await ids()).toEqual([1]);
  });

  it('do not see each other before they commit, and do not share rollbacks', async () => {
    let seen: number[] = [];
    const slow = database.transaction(async () => {
      await add(1);
      seen = await database.detached(() => ids());
      await new Promise((resolve) => setTimeout(resolve, 50));
      fail();
    });
    const quick = database.transaction(() => add(2));
    await expect(slow).rejects.toThrow('no');
    await quick;
    expect(seen).not.toContain(1);
    expect(await ids()).toEqual([2]);
  });

  it('are one when one is inside the other', async () => {
    await expect(
      database.transaction(async () => {
        await add(1);
        await database.transaction(() => add(2));
        fail();
      }),
    ).rejects.toThrow('no');
    expect(await ids()).toEqual([]);
  });

  it('begin with their first statement, and run what has to come first before it', async () => {
    const order: string[] = [];
    const onBegin = (): Promise<void> => {
      order.push('begin');
      return add(1);
    };
    await database.transaction(() => Promise.resolve(order.push('nothing')), { onBegin });
    await database.transaction(
      async () => {
        order.push('work');
        await add(2);
      },
      { onBegin },
    );
    expect(order).toEqual(['nothing', 'work', 'begin']);
    expect(await ids()).toEqual([1, 2]);
  });

  it('run hooks inside before the commit, outside after it, and none of the latter when they roll back', async () => {
    const ran: string[] = [];
    const work = async (): Promise<void> => {
      await add(1);
      database.beforeCommit(() => add(2));
      database.afterCommit(() => ran.push(`after, in a transaction: ${database.inTransaction}`));
      expect(database.orderingKey).toBe(COMMANDS);
    };
    await database.transaction(work);
    expect(await ids()).toEqual([1, 2]);
    await expect(database.transaction(work)).rejects.toThrow();
    expect(ran).toEqual(['after, in a transaction: false']);
  });

  it('leave nothing behind when they are discarded', async () => {
    const ran: string[] = [];
    const work = async (): Promise<string> => {
      await add(1);
      database.beforeCommit(() => Promise.resolve(void ran.push('before')));
      database.afterCommit(() => ran.push('after'));
      return 'done';
    };
    expect(await database.transaction(work, { discard: true })).toBe('done');
    expect(await ids()).toEqual([]);
    expect(ran).toEqual([]);
  });

  it('refuse a write outside', async () => {
    await expect(add(1)).rejects.toThrow('write outside a transaction');
  });

  it('insert thousands of rows, replace or keep those that are there, and refuse what does not fit', async () => {
    const rows = Array.from({ length: 2500 }, (_, id) => [id, 'a']);
    await database.transaction(() => database.insert('thing', ['id', 'name'], rows));
    await database.transaction(() =>
      database.insert(
        'thing',
        ['id', 'name'],
        [
          [1, 'b'],
          [9999, 'b'],
        ],
        { key: ['id'], update: ['name'] },
      ),
    );
    await database.transaction(() => database.insert('thing', ['id', 'name'], [[2, 'c']], { key: ['id'], update: [] }));
    const [row] = await database.query<{ all_rows: number }>("SELECT COUNT(*) AS all_rows FROM thing WHERE name = 'a'");
    expect(Number(row!.all_rows)).toBe(2499);
    const tooLong = database.transaction(() => database.insert('thing', ['id', 'name'], [[2, null]], { key: ['id'], update: [] }));
    await expect(tooLong).rejects.toThrow(/null/i);
  });
});
