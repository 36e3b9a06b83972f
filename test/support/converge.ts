import { type Config, parseConfig } from '../../src/config.js';
import { ConvergeService } from '../../src/converge/converge.service.js';
import { FlushService } from '../../src/converge/flush.service.js';
import { GroupReader } from '../../src/converge/group.reader.js';
import { GroupRepository } from '../../src/converge/group.repository.js';
import { MemberRepository } from '../../src/converge/member.repository.js';
import { ConvergePolicies } from '../../src/converge/policies.service.js';
import type { Database } from '../../src/database/database.client.js';
import type { StrategyReader } from '../../src/detect/strategy.reader.js';
import type { Strategy } from '../../src/detect/strategy.js';
import { Publisher } from '../../src/log/publisher.service.js';
import { Duties } from '../../src/runtime/duties.js';
import { type AlertEvent, type ConvergedAlert, type Topic, topics } from '../../src/topics.js';
import { NOON, anAlertEvent } from './builders.js';

/** Keeps what was published in transactions that committed, as a reader of the topic would get it. */
class RecordingPublisher extends Publisher {
  readonly messages: ConvergedAlert[] = [];

  constructor(private readonly of: Database) {
    super(of, undefined as never);
  }

  override publish<T>(topic: Topic<T>, message: T): void {
    const parsed = topics.convergedAlerts.parse(JSON.parse(JSON.stringify(message)));
    if (topic.name !== topics.convergedAlerts.name) throw new Error(`converge does not publish to ${topic.name}`);
    this.of.afterCommit(() => this.messages.push(parsed));
  }
}

class CountingDuties extends Duties {
  wakes = 0;

  wake(): void {
    this.wakes++;
  }
}

/** A replica of the Converge stage on a real database: alerts in, time passes, messages out. Times are seconds after noon. */
export class ConvergeReplica {
  readonly #publisher: RecordingPublisher;
  readonly duties = new CountingDuties();
  readonly service: ConvergeService;
  readonly flushes: FlushService;
  readonly reader: GroupReader;

  constructor(
    readonly database: Database,
    readonly strategies = new Map<number, Strategy>(),
    settings: Partial<Record<keyof Config, string>> = {},
  ) {
    this.#publisher = new RecordingPublisher(database);
    const groups = new GroupRepository(database);
    const members = new MemberRepository(database);
    const reader = { find: async (ids: readonly number[]) => new Map([...strategies].filter(([id]) => ids.includes(id))) };
    const policies = new ConvergePolicies(reader as unknown as StrategyReader, parseConfig(settings));
    this.service = new ConvergeService(database, groups, members, policies, this.duties);
    this.flushes = new FlushService(database, groups, members, policies, this.#publisher);
    this.reader = new GroupReader(database, members);
  }

  get messages(): readonly ConvergedAlert[] {
    return this.#publisher.messages;
  }

  /** A batch arrives, in a transaction as the interceptor opens it. */
  async at(second: number, ...events: AlertEvent[]) {
    return this.database.transaction(() => this.service.apply(events, NOON + second * 1000));
  }

  /** The duty runs until nothing is due; answers the messages that this made. */
  async flush(second: number): Promise<readonly ConvergedAlert[]> {
    const before = this.messages.length;
    while ((await this.flushes.flush(NOON + second * 1000)) === 0);
    return this.messages.slice(before);
  }
}

/** The life of one alert as Detect publishes it; transitions count up by themselves. */
export class AlertLife {
  #transition = 0;

  constructor(
    readonly id: string,
    private readonly of: Partial<AlertEvent> = {},
  ) {}

  /** Strategy that judges it. */
  get scope(): number {
    return this.of.strategy_id ?? 1;
  }

  fires(more: Partial<AlertEvent> = {}): AlertEvent {
    return this.#event({ kind: 'fired', status: 'ABNORMAL', ...more });
  }

  turns(severity: AlertEvent['severity']): AlertEvent {
    return this.#event({ kind: 'severity_changed', status: 'ABNORMAL', severity });
  }

  goesOn(more: Partial<AlertEvent> = {}): AlertEvent {
    return this.#event({ kind: 'still_abnormal', status: 'ABNORMAL', ...more });
  }

  recovers(more: Partial<AlertEvent> = {}): AlertEvent {
    return this.#event({ kind: 'recovered', status: 'RECOVERED', ...more });
  }

  #event(more: Partial<AlertEvent>): AlertEvent {
    this.#transition++;
    return anAlertEvent({
      alert_id: this.id,
      alert_key: `key-${this.id}`,
      event_id: `${this.id}-${this.#transition}`,
      transition: this.#transition,
      ...this.of,
      ...more,
    });
  }
}

/** `count` alerts named a0, a1, …. */
export const alerts = (count: number, prefix = 'a', of: Partial<AlertEvent> = {}): AlertLife[] =>
  Array.from({ length: count }, (_, index) => new AlertLife(`${prefix}${index}`, of));
