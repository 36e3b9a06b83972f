import fc from 'fast-check';
import { anAlertEvent } from '../test/support/builders.js';
import { aGroup, aMember } from '../test/support/notices.js';
import { type AlertStatusChange, rawRecord, topics } from './topics.js';

const aMetric = {
  event_id: 'e1',
  event_type: 'metric',
  bk_biz_id: '2',
  event_source: 'test',
  timestamp: 1_700_000_000_000,
  raw_data: { metric: 'cpu', value: 1.5, dimensions: { host: 'a' } },
};

/** A value that is nearly a raw record: somewhere one field is replaced, or missing. */
const nearly = fc
  .tuple(
    fc.constantFrom(
      'event_id',
      'event_type',
      'bk_biz_id',
      'event_source',
      'timestamp',
      'raw_data',
      'metric',
      'value',
      'dimensions',
      'host',
      'v',
      'events',
      'none',
    ),
    fc.anything(),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([field, value, missing, enveloped]) => {
    const event = structuredClone(aMetric) as Record<string, unknown> & { raw_data: Record<string, unknown> };
    const envelope: Record<string, unknown> = { v: 1, events: [event, structuredClone(aMetric)] };
    const data = event.raw_data;
    const owner = [envelope, event, data, data['dimensions'] as Record<string, unknown>].find((each) => field in each) ?? event;
    if (missing) delete owner[field];
    else owner[field] = value;
    return enveloped ? envelope : event;
  });

describe('topics', () => {
  it('the fast path for metrics accepts nothing that the schema refuses or changes', () => {
    fc.assert(
      fc.property(nearly, (value) => {
        const bySchema = rawRecord.safeParse(value);
        let parsed: unknown;
        try {
          parsed = topics.rawEvents.parse(value);
        } catch {
          parsed = undefined;
        }
        expect(parsed).toEqual(bySchema.success ? bySchema.data : undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it('the fast path takes metrics and envelopes of them as they are', () => {
    expect(topics.rawEvents.parse(aMetric)).toBe(aMetric);
    const envelope = { v: 1, events: [aMetric, aMetric] };
    expect(topics.rawEvents.parse(envelope)).toBe(envelope);
  });

  it('a record that does not fit is refused with the path of what is wrong', () => {
    expect(() => topics.alerts.parse({ event_id: 'x' })).toThrow(/alert_id/);
    expect(() => topics.rawEvents.parse({ ...aMetric, raw_data: { ...aMetric.raw_data, value: '1' } })).toThrow(/does not match the schema/);
  });
});

const aChange: AlertStatusChange = {
  event_id: 'change-1',
  alert_id: 'alert-1',
  alert_key: 'key-1',
  bk_biz_id: '2',
  strategy_id: 1,
  what: 'created',
  from: null,
  to: 'ABNORMAL',
  by: 'detect',
  why: 'fired',
  time: 1,
};
const member = aMember();

/** A message for each field that a reader stores, made of a text for it. */
const stored: [name: string, most: number, exact: boolean, parse: (text: string) => unknown][] = [
  ['alerts alert_id', 64, true, (text) => topics.alerts.parse({ ...anAlertEvent(), alert_id: text })],
  ['alerts alert_key', 64, true, (text) => topics.alerts.parse({ ...anAlertEvent(), alert_key: text })],
  ['alerts bk_biz_id', 128, false, (text) => topics.alerts.parse({ ...anAlertEvent(), bk_biz_id: text })],
  ['alert_status event_id', 64, true, (text) => topics.alertStatus.parse({ ...aChange, event_id: text })],
  ['alert_status alert_id', 64, true, (text) => topics.alertStatus.parse({ ...aChange, alert_id: text })],
  ['alert_status alert_key', 64, true, (text) => topics.alertStatus.parse({ ...aChange, alert_key: text })],
  ['alert_status bk_biz_id', 128, false, (text) => topics.alertStatus.parse({ ...aChange, bk_biz_id: text })],
  ['converged_alerts converge_id', 64, true, (text) => topics.convergedAlerts.parse({ ...aGroup(), converge_id: text })],
  ['converged_alerts bk_biz_id', 128, false, (text) => topics.convergedAlerts.parse({ ...aGroup(), bk_biz_id: text })],
  [
    'converged_alerts members.0.alert_id',
    64,
    true,
    (text) => topics.convergedAlerts.parse({ ...aGroup(), members: [{ ...member, alert_id: text }] }),
  ],
  ['converged_alerts receivers.0', 128, false, (text) => topics.convergedAlerts.parse({ ...aGroup(), receivers: [text] })],
];

describe.each(stored)('the limit of %s', (name, most, exact, parse) => {
  const path = name.slice(name.indexOf(' ') + 1);

  it('is the length of the columns that readers store it in', () => {
    expect(() => parse('x'.repeat(most))).not.toThrow();
    expect(() => parse('x'.repeat(most + 1))).toThrow(expect.objectContaining({ code: 'T6003', message: expect.stringContaining(path) }));
  });

  it('allows only what every database compares exactly, if it is an id', () => {
    for (const text of ['Key', 'a b', 'ä', '']) {
      if (exact) expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'T6003', message: expect.stringContaining(path) }));
      else expect(() => parse(text)).not.toThrow();
    }
  });
});
