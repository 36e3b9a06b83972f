import fc from 'fast-check';
import { aStrategy, NOON } from '../../test/support/builders.js';
import { AlertLife, ConvergeReplica } from '../../test/support/converge.js';
import { databases, type TestDatabase } from '../../test/support/database.js';
import type { AlertEvent, ConvergedAlert } from '../topics.js';
import type { ConvergeMember } from './converge-member.js';

const WAIT = 10;
const INTERVAL = 60;
const REPEAT = 600;
const STORM = { threshold: 4, window: 60 };
const converge = { group_wait: WAIT, group_interval: INTERVAL, repeat_interval: REPEAT, storm: STORM };

/** One step of a random run. */
type Deed =
  | { readonly kind: 'arrivals'; readonly scope: 1 | 2; readonly host: string; readonly severity: 1 | 2 | 3; readonly count: number }
  | { readonly kind: 'end' | 'worse' | 'better' | 'goes on'; readonly which: number };
type Step =
  | { readonly kind: 'batch'; readonly deeds: readonly Deed[]; readonly twice: boolean }
  | { readonly kind: 'time'; readonly seconds: number; readonly duty: boolean };

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('arrivals' as const),
      scope: fc.constantFrom(1 as const, 2 as const),
      host: fc.constantFrom('web', 'db'),
      severity: fc.constantFrom(1 as const, 2 as const, 3 as const),
      count: fc.constantFrom(1, 1, 1, 2, 6),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('worse' as const, 'better' as const, 'goes on' as const), which: fc.nat(20) }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('batch' as const), deeds: fc.array(deed, { minLength: 1, maxLength: 4 }), twice: fc.boolean() }),
  fc.record({ kind: fc.constant('time' as const), seconds: fc.constantFrom(1, 5, 9, 30, 61, 700), duty: fc.constantFrom(true, true, false) }),
);

interface ModelAlert {
  readonly life: AlertLife;
  readonly firedAt: number;
  /** The window that is certainly counted has more arrivals than the threshold. */
  readonly inStorm: boolean;
  severity: 1 | 2 | 3;
  endedAt: number | undefined;
}

/** The expected state of the alerts, independent of Converge. */
class Model {
  readonly alerts = new Map<string, ModelAlert>();
  now = 0;

  fire(of: { scope: number; host: string; severity: 1 | 2 | 3 }): AlertEvent {
    const id = `a${this.alerts.size}`;
    const life = new AlertLife(id, { strategy_id: of.scope, dimensions: { host: of.host } });
    const sure = this.firedSince(of.scope, this.now - (STORM.window * 59) / 60) + 1;
    this.alerts.set(id, { life, firedAt: this.now, inStorm: sure > STORM.threshold, severity: of.severity, endedAt: undefined });
    return life.fires({ severity: of.severity });
  }

  firedSince(scope: number, since: number, until = this.now): number {
    return [...this.alerts.values()].filter(({ life, firedAt }) => life.scope === scope && firedAt > since && firedAt <= until).length;
  }

  get open(): ModelAlert[] {
    return [...this.alerts.values()].filter(({ endedAt }) => endedAt === undefined);
  }

  events(deed: Deed): AlertEvent[] {
    if (deed.kind === 'arrivals') return Array.from({ length: deed.count }, () => this.fire(deed));
    const alert = this.open[deed.which % Math.max(1, this.open.length)];
    if (!alert) return [];
    if (deed.kind === 'goes on') return [alert.life.goesOn({ severity: alert.severity })];
    if (deed.kind === 'end') {
      alert.endedAt = this.now;
      return [alert.life.recovers({ severity: alert.severity })];
    }
    alert.severity = Math.min(3, Math.max(1, alert.severity + (deed.kind === 'worse' ? -1 : 1))) as 1 | 2 | 3;
    return [alert.life.turns(alert.severity)];
  }
}

/** A receiver that checks every message. */
class Receiver {
  readonly lives = new Map<string, { sequence: number; at: number; ended: boolean }>();
  /** converge_id by alert. */
  readonly firing = new Map<string, string>();
  readonly resolved = new Set<string>();

  receives(message: ConvergedAlert, model: Model): void {
    const at = (message.time - NOON) / 1000;
    const life = this.lives.get(message.converge_id) ?? { sequence: 0, at: -Infinity, ended: false };
    expect(message.sequence).toBe(life.sequence + 1);
    expect(life.ended).toBe(false);
    expect(at - life.at).toBeGreaterThanOrEqual(INTERVAL);
    this.lives.set(message.converge_id, { sequence: message.sequence, at, ended: message.status === 'resolved' });
    if (message.reason === 'storm opened') this.#isStorm(message, model);
    const added = message.members.filter((member) => this.#member(message, member, model));
    const announced = ['first notification', 'new alerts added', 'storm opened', 'storm updated'].includes(message.reason);
    if (!announced) expect(added).toEqual([]);
    if (message.reason === 'new alerts added') expect(added).not.toEqual([]);
    const open = message.members.filter(({ status }) => status === 'ABNORMAL').length;
    expect(message.counts.firing).toBe(open);
    expect(message.status === 'resolved').toBe(open === 0);
  }

  /** True when no earlier message listed the member. */
  #member({ converge_id }: ConvergedAlert, { alert_id, status, severity }: ConvergedAlert['members'][number], model: Model): boolean {
    const alert = model.alerts.get(alert_id)!;
    const known = this.firing.get(alert_id);
    expect([alert_id, known ?? converge_id]).toEqual([alert_id, converge_id]);
    expect(this.resolved.has(alert_id)).toBe(false);
    expect(severity).toBe(alert.severity);
    if (status === 'ABNORMAL') {
      // Only an alert whose notification was due before its end may be listed as firing after it.
      if (alert.endedAt !== undefined) expect(known).toBeUndefined();
      this.firing.set(alert_id, converge_id);
      return known === undefined;
    }
    expect(known).toBeDefined();
    expect(alert.endedAt).toBeDefined();
    this.resolved.add(alert_id);
    return false;
  }

  #isStorm({ strategy_id, window, kind }: ConvergedAlert, model: Model): void {
    const opened = (window.from - NOON) / 1000;
    expect(kind).toBe('storm');
    expect(model.firedSince(strategy_id, opened - STORM.window, opened)).toBeGreaterThan(STORM.threshold);
  }
}

describe.each(databases)('Converge conserves alerts on %s', (name, open) => {
  let opened: TestDatabase;

  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());

  async function aStage(): Promise<ConvergeReplica> {
    const { database } = opened;
    await database.transaction(async () => {
      for (const table of ['converge_member', 'converge_group', 'converge_scope']) await database.execute(`DELETE FROM ${table}`);
    });
    const strategies = [aStrategy({ id: 1, converge }), aStrategy({ id: 2, converge: { ...converge, group_by: ['host'] } })];
    return new ConvergeReplica(database, new Map(strategies.map((strategy) => [strategy.id, strategy])));
  }

  async function flush(stage: ConvergeReplica, model: Model, receiver: Receiver): Promise<void> {
    for (const message of await stage.flush(model.now)) receiver.receives(message, model);
    // An alert of a group waits at most one interval; a storm may extend this to two.
    const waiting = model.open.filter(({ life, firedAt }) => firedAt + 2 * INTERVAL <= model.now && !receiver.firing.has(life.id));
    expect(waiting).toEqual([]);
  }

  async function play(steps: readonly Step[], stage: ConvergeReplica, model: Model, receiver: Receiver): Promise<void> {
    for (const each of steps) {
      if (each.kind === 'time') {
        model.now += each.seconds;
        if (each.duty) await flush(stage, model, receiver);
      } else {
        const events = each.deeds.flatMap((deed) => model.events(deed));
        await stage.at(model.now, ...events);
        // The outbox publishes at least once.
        if (each.twice) await stage.at(model.now, ...events);
      }
    }
  }

  /** Ends every alert and advances the time until no message is due. */
  async function settle(stage: ConvergeReplica, model: Model, receiver: Receiver): Promise<void> {
    await flush(stage, model, receiver);
    await stage.at(
      model.now,
      ...model.open.map((alert) => {
        alert.endedAt = model.now;
        return alert.life.recovers({ severity: alert.severity });
      }),
    );
    for (let round = 0; round < 4; round++) {
      model.now += INTERVAL;
      await flush(stage, model, receiver);
    }
  }

  async function rowsOf(stage: ConvergeReplica): Promise<{ row: ConvergeMember; kind: string; state: string }[]> {
    const { items } = await stage.reader.page({ state: ['pending', 'notified', 'ended'], limit: 1000 });
    const pages = await Promise.all(
      items.map(async ({ converge_id, kind, state }) => ({ kind, state, page: await stage.reader.membersOf(converge_id, { limit: 1000 }) })),
    );
    return pages.flatMap(({ kind, state, page }) => page.items.map((row) => ({ row, kind, state })));
  }

  it('lists each one in exactly one group, lists the end of each that it listed, and says why the others were not notified', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const [stage, model, receiver] = [await aStage(), new Model(), new Receiver()];
        await play(steps, stage, model, receiver);
        await settle(stage, model, receiver);

        const rows = await rowsOf(stage);
        expect(rows.map(({ row }) => row.alert_id).sort()).toEqual([...model.alerts.keys()].sort());
        for (const { row, kind, state } of rows) {
          const alert = model.alerts.get(row.alert_id)!;
          const listedIn = receiver.firing.get(row.alert_id);
          expect([row.alert_id, state]).toEqual([row.alert_id, 'ended']);
          expect([row.alert_id, listedIn === undefined]).toEqual([row.alert_id, row.not_notified_reason !== null]);
          expect(receiver.resolved.has(row.alert_id)).toBe(listedIn !== undefined);
          if (alert.inStorm) expect(kind).toBe('storm');
          if (listedIn === undefined) expect(alert.endedAt! - alert.firedAt).toBeLessThanOrEqual(row.moved_from ? 2 * INTERVAL : INTERVAL);
          else expect(listedIn).toBe(row.converge_id);
        }
        for (const { ended } of receiver.lives.values()) expect(ended).toBe(true);
      }),
      { numRuns: name === 'SQLite' ? 200 : 25 },
    );
  });
});
