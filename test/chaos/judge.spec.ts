import type { Strategy } from '../../src/detect/strategy.js';
import { referenceAlerts } from '../oracle/detect.js';
import { historyOf } from '../oracle/histories.js';
import { aMetric, aStrategy, aTick, NOON } from '../support/builders.js';
import { type Evidence, judge, type Violations } from './judge.js';
import { messageText, type Remains } from './remains.js';
import type { Arrival } from './sink.js';

// One host fires and recovers. Its group is told twice: that it fires, and that it is over.
const strategy: Strategy = aStrategy({ query: { interval: 10 }, item: { lateness: 0 }, detects: [{ level: 2, recovery: { check_window: 1 } }] });
const points = [99, 1, 1].map((value, index) => aMetric({ event_id: `point-${index}`, timestamp: NOON + index * 10_000, raw_data: { value } }));
const history = [historyOf([aTick(), ...points])];
const ruleSets = new Map([[1, { version: 1, strategies: [strategy] }]]);
const reference = referenceAlerts(history, (version) => ruleSets.get(version)!, { identifyBy: 'bk_biz_id' });
const [alert] = [...reference.alerts.values()];
const { alert_id, alert_key } = alert!;

const arrival = (key: string, status: 'firing' | 'resolved', receivedAt: number): Arrival => ({
  path: '/',
  key,
  body: JSON.stringify({ status, truncatedAlerts: 0, alerts: [{ status, annotations: { tocsin_alert_id: alert_id } }] }),
  receivedAt,
  fate: 'answered',
});
const notice = (key: string, sequence_no: number) => ({
  idempotency_key: key,
  converge_id: 'group',
  sequence_no,
  state: 'sent',
  reason: null,
  attempts: 1,
});

const good: Evidence = {
  promises: { events: new Set(points.map(({ event_id }) => event_id)), marks: new Set(), refusals: [], requests: 1, retries: 0 },
  fed: [],
  kills: [{ replica: 'a', at: NOON + 50, kind: 'killed' }],
  arrivals: [arrival('one', 'firing', NOON), arrival('two', 'resolved', NOON + 100)],
  unrest: undefined,
  accidents: [],
  remains: {
    history,
    untaken: [],
    ruleSets,
    alerts: [{ ...alert!, transition_no: 2 }],
    timelines: reference.messages.map((message, position) => ({ ...message, position })),
    complaints: [],
    members: [{ alert_id, converge_id: 'group', kind: 'group', opened_at: NOON, created_at: NOON, ended_at: NOON + 9000 }],
    notices: [notice('one', 1), notice('two', 2)],
    tellings: [
      { converge_id: 'group', time: NOON },
      { converge_id: 'group', time: NOON + 9500 },
    ],
    messages: reference.messages.map((message) => ({ event_id: message.event_id, alert_key, text: messageText(message) })),
    deadLetters: [],
    strangeDeadLetters: [],
    stops: [],
  },
};

/** What the judge finds, by promise; kept promises are left out. */
function found(changes: Partial<Omit<Evidence, 'remains'>> & { remains?: Partial<Remains> }): Partial<Violations> {
  const { violations } = judge({ ...good, ...changes, remains: { ...good.remains, ...changes.remains } });
  return Object.fromEntries(Object.entries(violations).filter(([, all]) => all.length > 0));
}

describe('the judge', () => {
  it('finds nothing wrong with a run in which nothing is', () => {
    expect(alert!.status).toBe('RECOVERED');
    expect(found({})).toEqual({});
  });

  it('reports an event that was answered 2xx but is missing in the log', () => {
    const promises = { ...good.promises, events: new Set([...good.promises.events, 'lost']) };
    expect(found({ promises })).toEqual({ intake: ['event lost: answered 2xx, but not in the log'] });
  });

  it('reports an event of an external topic that is missing in the log', () => {
    const fed = [{ topic: 'foreign', partition: 0, offset: 7, value: Buffer.from('{}'), events: [{ mark: 'lost', business: '2' }] }];
    expect(found({ fed })).toEqual({ intake: ['event lost of foreign/0/7: written, but not in the log'] });
  });

  it('takes the dead letters of sources for themselves', () => {
    const fed = [{ topic: 'foreign', partition: 0, offset: 7, value: Buffer.from('{'), events: [] }];
    expect(found({ fed, remains: { deadLetters: fed } })).toEqual({});
    expect(found({ fed })).toEqual({ sources: ['dead letter foreign/0/7: missing'] });
  });

  it('reports a missing alert, and the missing group of an alert', () => {
    expect(found({ remains: { alerts: [], timelines: [] } })).toMatchObject({
      sequential: expect.arrayContaining([expect.stringContaining('lost')]),
    });
    expect(found({ remains: { members: [] } })).toEqual({ convergence: [`alert ${alert_id}: in no group`] });
  });

  it('notices that a message took no effect although the alert looks right', () => {
    const alerts = [{ ...good.remains.alerts[0]!, transition_no: 1 }];
    expect(found({ remains: { alerts } })).toEqual({ sequential: [`alert ${alert_id}: 1 messages applied, should be 2`] });
  });

  it('lets a message come twice, but not in another form, out of order, or never', () => {
    const [first, second] = good.remains.messages as [Remains['messages'][number], Remains['messages'][number]];
    expect(found({ remains: { messages: [first, second, first] } })).toEqual({});
    expect(found({ remains: { messages: [first, second, { ...first, text: 'other' }] } })).toHaveProperty('messages');
    expect(found({ remains: { messages: [second, first] } })).toEqual({ messages: [`key ${alert_key}: messages out of order`] });
    expect(found({ remains: { messages: [first] } })).toEqual({ messages: [expect.stringContaining('never published')] });
  });

  it('reports a missing notice of an alert that was open long enough', () => {
    const remains = { notices: [], tellings: [] };
    expect(found({ arrivals: [], remains })).toEqual({ sequential: [`notice of alert ${alert_id}: never told as firing`] });
  });

  it('does not miss the notice of an alert that was over before its group was due', () => {
    const members = [{ ...good.remains.members[0]!, ended_at: NOON + 100 }];
    expect(found({ arrivals: [], remains: { notices: [], tellings: [], members } })).toEqual({});
  });

  it('reports a notice marked as sent that never arrived, one with a number but without a row, and a dead one', () => {
    const [one, two] = good.remains.notices;
    expect(found({ remains: { notices: [one!, two!, notice('three', 3)] } })).toEqual({
      delivery: ['notice group/3: sent, but the receiver never confirmed it'],
    });
    expect(found({ remains: { notices: [one!, { ...two!, sequence_no: 3 }] } })).toEqual({ convergence: ['group group: notices 1, 3'] });
    expect(found({ remains: { notices: [one!, { ...two!, state: 'dead', reason: 'gave_up' }] } })).toEqual({
      convergence: ['notice group/2: dead gave_up'],
    });
  });

  it('allows one repetition of a notice per kill, with the same content', () => {
    const again = (receivedAt: number, body = good.arrivals[0]!.body): Arrival[] => [
      good.arrivals[0]!,
      { ...good.arrivals[0]!, receivedAt, body },
      good.arrivals[1]!,
    ];
    expect(found({ arrivals: again(NOON + 60) })).toEqual({});
    expect(found({ arrivals: again(NOON + 40) })).toEqual({ delivery: ['delivery one: came again without a kill in between'] });
    expect(found({ arrivals: again(NOON + 60), kills: [] })).toHaveProperty('sequential', [expect.stringContaining('at most 0 may')]);
    expect(found({ arrivals: again(NOON + 60, good.arrivals[1]!.body) })).toHaveProperty('delivery', ['delivery one: came with two contents']);
  });

  it('does not count a request without a response as a delivery', () => {
    const cut: Arrival = { ...good.arrivals[0]!, fate: 'cut' };
    expect(found({ arrivals: [cut, good.arrivals[0]!, good.arrivals[1]!], kills: [] })).toEqual({});
  });

  it('reports whatever did not come to rest, died, or stopped', () => {
    const stops = ['detect raw_events/1: T6101'];
    expect(found({ unrest: '1 alerts open', accidents: ['a ended'], remains: { stops } })).toEqual({
      rest: ['still under way: 1 alerts open', 'a ended', ...stops],
    });
  });
});
