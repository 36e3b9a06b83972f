import { databases, type TestDatabase } from '../../test/support/database.js';
import { GroupCommit } from './group-commit.repository.js';

describe.each(databases)('writes that share a transaction on %s', (_name, open) => {
  let on: TestDatabase;
  let commits: GroupCommit;

  beforeAll(async () => {
    on = await open();
  });
  afterAll(() => on.close());
  beforeEach(async () => {
    commits = new GroupCommit(on.database);
    await on.database.transaction(() => on.database.execute('DELETE FROM alert_timeline'));
  });
  afterEach(() => jest.restoreAllMocks());

  const write = (id: string): Promise<void> =>
    on.database.insert('alert_timeline', ['alert_id', 'at', 'recorded_at', 'what', 'actor', 'why'], [[id, 0, 0, 'commented', 'ann', '']]);
  const written = async (): Promise<unknown[]> =>
    (await on.database.query('SELECT alert_id FROM alert_timeline ORDER BY alert_id')).map((row) => row['alert_id']);

  it('are all committed before their callers continue, each with its own result', async () => {
    const transactions = jest.spyOn(on.database, 'transaction');
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((id) =>
        commits.run(async () => {
          await write(id);
          return id.toUpperCase();
        }),
      ),
    );
    expect(answers).toEqual(['A', 'B', 'C']);
    expect(await written()).toEqual(['a', 'b', 'c']);
    expect(transactions).toHaveBeenCalledTimes(1);
  });

  it('do not suffer from one that fails', async () => {
    const failing = commits.run(async () => {
      await write('bad');
      throw new Error('no');
    });
    const outcomes = await Promise.allSettled([commits.run(() => write('a')), failing, commits.run(() => write('b'))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await written()).toEqual(['a', 'b']);
  });
});
