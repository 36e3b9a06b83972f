import fc from 'fast-check';
import { rawRecord, topics } from './topics.js';

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
