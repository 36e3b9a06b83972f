import { parseConfig } from '../config.js';
import { CursorRepository } from '../log/cursor.repository.js';
import { Secrets } from '../runtime/secrets.service.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { SourceReader } from '../access/registry/source.reader.js';
import { SourceRepository } from '../access/registry/source.repository.js';
import { SourceService } from './source.service.js';
import { person } from '../shared/actor.js';
import { AuditService } from '../database/audit.service.js';
import { parseSource } from '../access/registry/source.js';
import { parseSources } from '../sources/sources-file.js';

const config = parseConfig({ SECRET_KEY: 'ab'.repeat(32), INSTANCE_ID: 'me' });
const by = (now = 1000) => ({ actor: person('ann'), now });
const http = (name: string, more: Record<string, unknown> = {}) => ({ name, kind: 'http', ...more });
const sasl = { mechanism: 'plain', username: 'ann', password: 'hunter2' };
const kafka = (name: string, more: Record<string, unknown> = {}) => ({
  name,
  kind: 'kafka',
  cluster: { brokers: ['k:9092'], sasl },
  topics: ['t'],
  ...more,
});

describe.each(databases)('declared sources (%s)', (_name, open) => {
  let test: TestDatabase;
  let reader: SourceReader;
  let elsewhere: SourceReader;
  let sources: SourceService;
  beforeEach(async () => {
    test = await open();
    const repository = new SourceRepository(test.database);
    [reader, elsewhere] = [new SourceReader(repository), new SourceReader(repository)];
    elsewhere.polling().start();
    sources = new SourceService(
      test.database,
      repository,
      reader,
      new Secrets(config),
      new CursorRepository(test.database, config),
      new AuditService(test.database),
    );
  });
  afterEach(async () => {
    await elsewhere.polling().stop();
    await test.close();
  });

  it('are found by name, by number and by token, at once here and soon on other replicas', async () => {
    expect(await elsewhere.all()).toEqual([]);
    const { token } = await sources.create(parseSource(http('a', { data_id: 7, business: '3' })), by());
    for (const found of [await reader.byName('a'), await reader.byDataId(7), await reader.byToken(token!)]) {
      expect(found).toMatchObject({ name: 'a', business: '3', version: expect.any(Number) });
    }
    expect(await reader.byToken(`${token}x`)).toBeUndefined();
    await eventually(async () => (await elsewhere.byToken(token!)) !== undefined, 'another replica knows');
  });

  it('have two tokens while one takes over from the other', async () => {
    const { token: first } = await sources.create(parseSource(http('a')), by());
    await expect(sources.revokeToken('a', by())).rejects.toMatchObject({ code: 'T7025' });
    const { token: second } = await sources.addToken('a', by());
    await expect(sources.addToken('a', by())).rejects.toMatchObject({ code: 'T7025' });
    expect([await reader.byToken(first!), await reader.byToken(second)].map((found) => found?.name)).toEqual(['a', 'a']);
    await sources.revokeToken('a', by());
    expect([await reader.byToken(first!), await reader.byToken(second)].map((found) => found?.name)).toEqual([undefined, 'a']);
    const rows = JSON.stringify([await test.database.query('SELECT * FROM source_token'), await test.database.query('SELECT * FROM audit')]);
    expect(rows).not.toContain(second);
  });

  it('refuse a name or a number twice, a lost update, and what another kind has', async () => {
    await sources.create(parseSource(http('a', { data_id: 7 })), by());
    await expect(sources.create(parseSource(http('a')), by())).rejects.toMatchObject({ code: 'T7022' });
    await expect(sources.create(parseSource(http('b', { data_id: 7 })), by())).rejects.toMatchObject({ code: 'T7022' });
    const { version } = await sources.get('a');
    await expect(sources.replace('a', parseSource(http('a')), by(), version - 1)).rejects.toMatchObject({ code: 'T7026' });
    expect(await sources.replace('a', parseSource(http('a', { description: 'new' })), by(), version)).toMatchObject({ description: 'new' });
    await expect(sources.get('nobody')).rejects.toMatchObject({ code: 'T7021' });
    await sources.create(parseSource(kafka('k')), by());
    await expect(sources.addToken('k', by())).rejects.toMatchObject({ code: 'T7028' });
  });

  it('are planned and applied by name, all or none, and say what changes but never to what', async () => {
    const outcomes = (applied: readonly { name: string; outcome: string; changed: readonly string[] }[]) =>
      applied.map(({ name, outcome, changed }) => [name, outcome, ...changed].join(' '));
    const both = [kafka('k'), http('h')];
    expect(outcomes(await sources.plan(parseSources({ sources: both })))).toEqual(['k created', 'h created']);
    expect(await sources.list()).toEqual([]);
    const applied = await sources.apply(parseSources({ sources: both }), by());
    expect(applied.map(({ token }) => token !== undefined)).toEqual([false, true]);
    expect(outcomes(await sources.apply(parseSources({ sources: both }), by()))).toEqual(['k unchanged', 'h unchanged']);
    const changed = [kafka('k', { format: 'prometheus', cluster: { brokers: ['k:9092'], sasl: { ...sasl, password: 'new' } } }), http('h')];
    expect(outcomes(await sources.plan(parseSources({ sources: changed })))).toEqual(['k updated format secrets', 'h unchanged']);
    expect(() => parseSources({ sources: [http('fresh'), http('h', { colour: 'red' })] })).toThrow(
      expect.objectContaining({ code: 'T7020', details: [{ field: 'sources[1].colour', problem: 'unknown field' }] }) as Error,
    );
    const unnamed = { ...parseSource(http('second')), definition: { ...parseSource(http('second')).definition, name: null as unknown as string } };
    await expect(sources.apply([parseSource(http('fresh')), unnamed], by())).rejects.toThrow();
    expect((await sources.list()).map(({ name }) => name)).toEqual(['h', 'k']);
    await sources.apply(parseSources({ sources: changed }), by());
    const audit = await test.database.query('SELECT actor_name, action, object_id, detail FROM audit ORDER BY id');
    expect(audit.at(-1)).toEqual({
      actor_name: 'ann',
      action: 'source.updated',
      object_id: 'k',
      detail: '{"after":{"changed":["format","secrets"]}}',
    });
  });

  it('restart reading only when their topics or cluster change', async () => {
    await sources.create(parseSource(kafka('k')), by(1000));
    expect(await sources.replace('k', parseSource(kafka('k', { business: '4' })), by(2000))).toMatchObject({ declared_at: 1000, updated_at: 2000 });
    expect(await sources.replace('k', parseSource(kafka('k', { topics: ['t', 'u'] })), by(3000))).toMatchObject({ declared_at: 3000 });
  });

  it('keep a secret that cannot be decrypted until it is set again', async () => {
    await sources.create(parseSource(kafka('k')), by());
    const other = parseConfig({ SECRET_KEY: 'cd'.repeat(32) });
    const later = new SourceService(
      test.database,
      new SourceRepository(test.database),
      reader,
      new Secrets(other),
      new CursorRepository(test.database, config),
      new AuditService(test.database),
    );
    const { cluster, ...rest } = kafka('k');
    const silent = { ...rest, cluster: { ...cluster, sasl: { mechanism: 'plain', username: 'ann' } } };
    await expect(later.replace('k', parseSource(silent), by())).rejects.toMatchObject({ code: 'T7020' });
    expect(await later.replace('k', parseSource(kafka('k')), by())).toMatchObject({ name: 'k' });
  });
});
