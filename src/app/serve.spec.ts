import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/eventually.js';
import { quickly } from '../../test/support/tocsin.js';
import { DegradeService } from '../access/degrade/degrade.service.js';
import { type Config, parseConfig } from '../config.js';
import { openSqlite } from '../database/connection.client.js';
import { EmbeddedLog } from '../log/embedded/embedded-log.service.js';
import { whileOpen } from './opened.js';
import { openApiOnly, openDatabase, serve } from './serve.js';

describe('a start that fails', () => {
  let folder: string;
  const settings = (more: Record<string, string> = {}): Config => parseConfig({ ...quickly, DATA_DIR: folder, ...more });
  const execute = async (sql: string): Promise<void> => {
    const database = await openSqlite(join(folder, 'tocsin.db'), 'better-sqlite3');
    await database.transaction(() => database.execute(sql));
    await database.close();
  };
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tocsin-serve-'))));
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Servers and timers that keep the process alive. */
  const handles = (): string[] => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap' || kind === 'Timeout');

  /** Starts, expects the failure, and starts again in the same folder, which works only when nothing was left open. */
  async function failsAndReleases(failure: string | RegExp, start: () => Promise<unknown>, mend = () => Promise.resolve()): Promise<void> {
    const before = handles();
    await expect(start()).rejects.toThrow(failure);
    await eventually(
      () => handles().length <= before.length,
      () => `nothing stays open: ${handles().join()}`,
    );
    await mend();
    const running = await serve(settings());
    expect((await fetch(`${running.url}/health/live`)).status).toBe(200);
    await running.close();
  }

  it('in its migrations releases the database and the folder', async () => {
    await execute('CREATE TABLE alert (wrong TEXT)');
    await failsAndReleases(
      /alert/,
      () => serve(settings()),
      () => execute('DROP TABLE alert'),
    );
  });

  it('over a setting that only its user can parse releases them', () =>
    failsAndReleases(/MESSAGE_QUEUE_DSN/, () => serve(settings({ MESSAGE_QUEUE_DSN: 'ftp://nowhere' }))));

  it.each(['COMMIT_POLICY', 'STAGE_BATCH_RECORDS'])('over a consumer group in %s that does not exist names those that do', async (setting) => {
    const value = setting === 'COMMIT_POLICY' ? 'batch,detcet=records:10' : 'detcet=10';
    const failure = `${setting} names detcet: the consumer groups are detect, alert, converge, notice`;
    await failsAndReleases(failure, () => serve(settings({ [setting]: value })));
    await expect(serve(settings({ [setting]: value }))).rejects.toMatchObject({ code: 'T5001' });
  });

  it('while the modules are initialised releases what they have opened', () => {
    jest.spyOn(DegradeService.prototype, 'onApplicationBootstrap').mockRejectedValueOnce(new Error('not now'));
    return failsAndReleases('not now', () => serve(settings()));
  });

  it('in a consumer group releases the groups that run', () => {
    jest.spyOn(EmbeddedLog.prototype, 'subscribe').mockRejectedValueOnce(new Error('no such group'));
    return failsAndReleases('no such group', () => serve(settings()));
  });

  it('at a port that is taken stops what consumes', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const taken = { HTTP_HOST: '127.0.0.1', HTTP_PORT: String((other.address() as AddressInfo).port) };
    await failsAndReleases('port is already in use', () => serve(settings(taken)));
    other.close();
  });

  it('of the API in a command releases what was opened', () => {
    jest.spyOn(DegradeService.prototype, 'onApplicationBootstrap').mockRejectedValueOnce(new Error('not now'));
    return failsAndReleases('not now', () => openApiOnly(settings()));
  });

  it('of a command that needs the database releases it', () =>
    failsAndReleases('no', () =>
      whileOpen(async (opened) => {
        await openDatabase(settings(), opened);
        throw new Error('no');
      }),
    ));
});
