import { anAlertEvent, NOON } from '../../test/support/builders.js';
import { databases } from '../../test/support/database.js';
import { PublishedMessages } from '../../test/support/notices.js';
import { AlertRepository } from './alert.repository.js';
import { AlertService } from './alert.service.js';
import { TimelineRepository } from './timeline.repository.js';
import { alertColumns, changingColumns, rowOf } from './alert-row.js';
import { post } from './ledger.js';
import { identity } from '../shared/identity.js';

describe.each(databases)('%s', (name, open) => {
  it('bench', async () => {
    const on = await open();
    const service = new AlertService(on.database, new AlertRepository(on.database), new TimelineRepository(on.database), {
      publish: () => undefined,
    } as never);
    void PublishedMessages;
    const N = 20000,
      B = 500;
    const ev = (i: number, salt: string) =>
      anAlertEvent({
        alert_id: identity(salt, i),
        alert_key: identity(salt, 'k', i),
        begin_time: NOON + i,
        labels: { host: `web-${i}`, dc: 'sz', module: 'gamesvr' },
        dimensions: { host: `web-${i}` },
      });
    const out: string[] = [];
    const spent = new Map<string, number>();
    for (const m of ['query', 'execute'] as const) {
      const orig = (on.database as never as Record<string, (a: string, b: unknown[]) => Promise<unknown>>)[m]!.bind(on.database);
      (on.database as never as Record<string, unknown>)[m] = async (sql: string, p: unknown[]) => {
        const t = performance.now();
        try {
          return await orig(sql, p);
        } finally {
          const k = sql.slice(0, 30);
          spent.set(k, (spent.get(k) ?? 0) + performance.now() - t);
        }
      };
    }
    const time = async (what: string, f: () => Promise<void>) => {
      spent.clear();
      const c = process.cpuUsage();
      const t = performance.now();
      await f();
      out.push(
        `cpu ${Math.round(process.cpuUsage(c).user / 1000)}ms of ${Math.round(performance.now() - t)} ` +
          JSON.stringify([...spent].map(([k, v]) => [k, Math.round(v)])) +
          ' ' +
          `${what}: ${Math.round(N / ((performance.now() - t) / 1000))}/s`,
      );
    };
    for (let round = 0; round < 2; round++) {
      const evs = Array.from({ length: N }, (_, i) => ev(i, `r${round}`));
      const rec = evs.map((e) => ({ ...e, transition: 2, kind: 'recovered' as const, status: 'RECOVERED' as const, time: NOON + 60000 }));
      const bareRows = post(
        [],
        evs.map((e) => ({ ...e, alert_id: 'x' + e.alert_id.slice(1), alert_key: 'x' + e.alert_key.slice(1) })),
        NOON,
      ).created.map(rowOf);
      await time('bare upsert (new rows)', async () => {
        for (let s = 0; s < N; s += B)
          await on.database.transaction(() =>
            on.database.insert('alert', alertColumns, bareRows.slice(s, s + B), { key: ['alert_id'], update: changingColumns }),
          );
      });
      await time('fired', async () => {
        for (let s = 0; s < N; s += B)
          await on.database.transaction(async () => {
            await service.apply(evs.slice(s, s + B), NOON);
          });
      });
      await time('bare upsert (existing)', async () => {
        for (let s = 0; s < N; s += B)
          await on.database.transaction(() =>
            on.database.insert('alert', alertColumns, bareRows.slice(s, s + B), { key: ['alert_id'], update: changingColumns }),
          );
      });
      await time('recovered', async () => {
        for (let s = 0; s < N; s += B)
          await on.database.transaction(async () => {
            await service.apply(rec.slice(s, s + B), NOON);
          });
      });
    }
    console.log(name + '\n' + out.join('\n'));
    await on.close();
  }, 600000);
});
