import type { Database } from '../../src/database/database.client.js';
import type { Publisher } from '../../src/log/publisher.service.js';
import { Duties } from '../../src/runtime/duties.js';
import { type ConvergedAlert, convergedAlert, type MemberAlert, memberAlert, type Topic } from '../../src/topics.js';
import { NOON } from './builders.js';

/** The open alert `alert-1` of strategy 1 as a member of a group. */
export function aMember(overrides: Partial<MemberAlert> = {}): MemberAlert {
  return memberAlert.parse({
    alert_id: 'alert-1',
    alert_key: 'key-1',
    status: 'ABNORMAL',
    severity: 2,
    alert_name: 'CPU is high',
    strategy_id: 1,
    strategy_name: 'CPU is high',
    labels: { host: 'web-1' },
    annotations: {},
    description: 'avg(cpu) = 95 > 80',
    value: 95,
    begin_time: NOON,
    end_time: null,
    ...overrides,
  });
}

/** The first notification of group `group-1`, which has one firing member. */
export function aGroup(overrides: Partial<ConvergedAlert> = {}): ConvergedAlert {
  const members = overrides.members ?? [aMember()];
  const firing = members.filter(({ status }) => status === 'ABNORMAL').length;
  return convergedAlert.parse({
    converge_id: 'group-1',
    sequence: 1,
    kind: 'group',
    reason: 'first notification',
    status: 'firing',
    bk_biz_id: '2',
    strategy_id: 1,
    severity: 2,
    dimensions: { host: 'web-1' },
    group_key: '{}:{host="web-1"}',
    window: { from: NOON, to: NOON + 10_000 },
    counts: { firing, resolved: members.length - firing, total: members.length },
    cause: null,
    members,
    receivers: [],
    time: NOON + 10_000,
    ...overrides,
  });
}

/** The last word on the group of {@link aGroup}: everything is over. */
export function aResolvedGroup(overrides: Partial<ConvergedAlert> = {}): ConvergedAlert {
  const members = [aMember({ status: 'RECOVERED', end_time: NOON + 60_000 })];
  return aGroup({ sequence: 2, status: 'resolved', reason: 'all alerts resolved', members, ...overrides });
}

/** Keeps what is published, and refuses it outside a transaction as the real one does. */
export class PublishedMessages implements Pick<Publisher, 'publish'> {
  readonly messages: { readonly topic: string; readonly message: unknown }[] = [];

  constructor(private readonly database: Database) {}

  publish<T>(topic: Topic<T>, message: T): void {
    if (!this.database.inTransaction) throw new Error('not in a transaction');
    this.messages.push({ topic: topic.name, message: topic.parse(message) });
  }
}

/** Duties that are done when a test says so; it counts who was woken. */
export class DutiesByHand extends Duties {
  readonly woken: string[] = [];
  #onWake: () => void = () => undefined;

  wake(name: string): void {
    this.woken.push(name);
    this.#onWake();
  }

  /** Resolves with the next wake. */
  nextWake(): Promise<void> {
    return new Promise((resolve) => (this.#onWake = resolve));
  }
}
