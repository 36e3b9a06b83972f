import { databases, type TestDatabase } from '../../test/support/database.js';
import { ReplicaRepository } from './replica.repository.js';

describe.each(databases)('replicas that say that they live (%s)', (_name, open) => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await open();
  });
  afterEach(() => test.close());
  const replica = (instance: string) => new ReplicaRepository(test.database, { INSTANCE_ID: instance, LEASE_MS: 1000 });
  const known = async () =>
    (await test.database.query<{ instance: string }>('SELECT instance FROM source_replica')).map(({ instance }) => instance).sort();
  const sinceMs = (instance: string, ms: number) =>
    test.database.transaction(() =>
      test.database.execute(`UPDATE source_replica SET expires_at = ${test.database.dialect.now} - ? WHERE instance = ?`, [ms, instance]),
    );

  it('are alive until their lease expires, and are deleted by the next heartbeat of any replica long after that', async () => {
    for (const instance of ['a', 'b', 'c']) await replica(instance).beat([]);
    await sinceMs('b', 2000);
    await sinceMs('c', 200_000);
    expect((await replica('a').alive()).map(({ instance }) => instance)).toEqual(['a']);
    await replica('a').beat([]);
    expect(await known()).toEqual(['a', 'b']);
  });

  it('send concurrent heartbeats, also while an expired replica is deleted', async () => {
    const all = Array.from({ length: 6 }, (_, index) => replica(`r${index}`));
    for (let round = 0; round < 10; round++) {
      await replica('gone').beat([]);
      await sinceMs('gone', 200_000);
      await Promise.all(all.map((each) => each.beat([])));
    }
    expect(await known()).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5']);
  });
});
