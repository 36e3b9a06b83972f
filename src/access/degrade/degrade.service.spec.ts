import { aLogLine } from '../../../test/support/builders.js';
import { parseConfig } from '../../config.js';
import type { Database } from '../../database/database.client.js';
import type { AuditService } from '../../database/audit.service.js';
import type { DegradeSwitch } from './degrade.js';
import type { DegradeRepository } from './degrade.repository.js';
import { DegradeService } from './degrade.service.js';

/** Each read completes when the test completes it. */
class SlowRepository implements Pick<DegradeRepository, 'all' | 'put' | 'remove' | 'expire'> {
  readonly questions: { answer(switches: DegradeSwitch[]): void; fail(): void }[] = [];

  all(): Promise<DegradeSwitch[]> {
    return new Promise((resolve, reject) => this.questions.push({ answer: resolve, fail: () => reject(new Error('the database is away')) }));
  }

  put = () => Promise.resolve();
  remove = () => Promise.resolve(true);
  expire = () => Promise.resolve(true);
}

const NOW = Date.UTC(2026, 10, 20, 12);
const one: DegradeSwitch = { source: '*', drop_priority: 4, keep: null, reason: 'flood', set_by: 'me', set_at: NOW, expires_at: NOW + 1000 };

describe('DegradeService', () => {
  let repository: SlowRepository;
  let degrade: DegradeService;
  beforeEach(() => {
    repository = new SlowRepository();
    // No test here begins a transaction.
    const [database, audit] = [{} as Database, {} as AuditService];
    degrade = new DegradeService(database, repository as unknown as DegradeRepository, audit, parseConfig({}));
  });
  const drops = (now = NOW) => degrade.check(undefined, aLogLine(), now) !== undefined;

  it('ignores a result that is older than the current one', async () => {
    const earlier = degrade.refresh();
    const later = degrade.refresh();
    repository.questions[1]!.answer([one]);
    await later;
    repository.questions[0]!.answer([]);
    await earlier;
    expect(drops()).toBe(true);
  });

  it('uses the last known switches until they expire while the database is unavailable', async () => {
    const first = degrade.refresh();
    repository.questions[0]!.answer([one]);
    await first;
    const second = degrade.refresh();
    repository.questions[1]!.fail();
    await second;
    expect([drops(NOW + 999), drops(NOW + 1000)]).toEqual([true, false]);
  });

  it('counts what it drops, by switch and reason', async () => {
    const refreshed = degrade.refresh();
    repository.questions[0]!.answer([one]);
    await refreshed;
    drops();
    drops();
    expect(degrade.dropped()).toEqual([{ source: '*', by: 'priority', count: 2 }]);
  });
});
