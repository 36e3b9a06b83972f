import { aLogLine, aMetric, anEvent, anExternalAlert, aTick } from '../../../test/support/builders.js';
import { ALL_SOURCES, type DegradeSwitch, samplePosition, priorityOf, readSwitch, shed, switchSchema } from './degrade.js';
import { parseRequest } from '../../shared/parse.js';

const NOW = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;

const aSwitch = (change: Partial<DegradeSwitch> = {}): DegradeSwitch => ({
  source: 'shop',
  drop_priority: null,
  keep: null,
  reason: 'flood',
  set_by: 'me',
  set_at: NOW,
  expires_at: NOW + HOUR,
  ...change,
});

const series = (host: number) => aMetric({ raw_data: { dimensions: { host: `web-${host}` } } });

describe('shed', () => {
  const drops = (one: Partial<DegradeSwitch>, event: Parameters<typeof shed>[2], sources = ['shop'], now = NOW) =>
    shed([aSwitch(one)], sources, event, now);

  it('drops by priority: the given one, else that of the type', () => {
    const low = { drop_priority: 3 };
    expect(drops(low, aMetric())).toEqual({ source: 'shop', by: 'priority' });
    expect(drops(low, aLogLine())).toEqual({ source: 'shop', by: 'priority' });
    expect(drops(low, anEvent())).toBeUndefined();
    expect(drops(low, { ...aMetric(), priority: 2 })).toBeUndefined();
    expect(drops(low, { ...anEvent(), priority: 5 })).toEqual({ source: 'shop', by: 'priority' });
    expect(drops({ drop_priority: 5 }, aLogLine())).toBeUndefined();
  });

  it('takes a priority that is none of 1 to 5 for that of the type', () => {
    for (const priority of [0, 6, 1.5, '1', null, 'high']) expect(priorityOf({ ...aMetric(), priority } as never)).toBe(3);
  });

  it('keeps a share of the series, and of each either all or nothing', () => {
    const hosts = Array.from({ length: 4000 }, (_, host) => host);
    const kept = new Set(hosts.filter((host) => !drops({ keep: 0.1 }, series(host))));
    expect(kept.size / hosts.length).toBeGreaterThan(0.08);
    expect(kept.size / hosts.length).toBeLessThan(0.12);
    for (const host of hosts.slice(0, 200)) {
      const later = aMetric({ event_id: `later-${host}`, timestamp: NOW + 1, raw_data: { value: 7, dimensions: { host: `web-${host}` } } });
      expect(!drops({ keep: 0.1 }, later)).toBe(kept.has(host));
    }
    // A larger share keeps everything that a smaller one keeps.
    for (const host of kept) expect(drops({ keep: 0.3 }, series(host))).toBeUndefined();
    expect(hosts.some((host) => !drops({ keep: 0 }, series(host)))).toBe(false);
  });

  it('does not see the order of dimensions', () => {
    const place = (dimensions: Record<string, string>) => samplePosition(aMetric({ raw_data: { dimensions } }));
    expect(place({ a: '1', b: '2' })).toBe(place({ b: '2', a: '1' }));
  });

  it.each(['firing', 'resolved'])('never drops an alert (%s), nor the clock', (state) => {
    const all = { source: ALL_SOURCES, drop_priority: 2, keep: 0 };
    expect(drops(all, anExternalAlert(state === 'resolved' ? { raw_data: { endsAt: 0 } } : {}))).toBeUndefined();
    expect(drops(all, { ...anExternalAlert(), priority: 5 })).toBeUndefined();
    expect(drops(all, aTick())).toBeUndefined();
  });

  it('applies to its source, or to all sources, until it expires', () => {
    const low = { drop_priority: 3 };
    expect(drops(low, aMetric(), ['other'])).toBeUndefined();
    expect(drops(low, aMetric(), ['other', 'shop'])).toBeDefined();
    expect(drops({ ...low, source: ALL_SOURCES }, aMetric(), ['other'])).toEqual({ source: '*', by: 'priority' });
    expect(drops(low, aMetric(), ['shop'], NOW + HOUR - 1)).toBeDefined();
    expect(drops(low, aMetric(), ['shop'], NOW + HOUR)).toBeUndefined();
  });
});

describe('readSwitch', () => {
  const read = (body: unknown, source = 'shop') => readSwitch(source, parseRequest(switchSchema, body), { now: NOW, by: 'api', longest: 24 * HOUR });
  const good = { drop_priority: 4, reason: 'flood of logs', for_ms: HOUR };

  it('takes a time to live or an end', () => {
    expect(read(good)).toEqual(aSwitch({ drop_priority: 4, reason: 'flood of logs', set_by: 'api' }));
    expect(read({ keep: 0.5, reason: 'x', by: 'ann', expires_at: '2026-11-20T13:00:00Z' })).toEqual(
      aSwitch({ keep: 0.5, reason: 'x', set_by: 'api' }),
    );
  });

  it.each<[string, object, string]>([
    ['no reason', { reason: '  ' }, 'reason'],
    ['no end', { for_ms: undefined }, 'expires_at'],
    ['two ends', { expires_at: NOW + HOUR }, 'expires_at'],
    ['an end that is over', { for_ms: undefined, expires_at: NOW - 1 }, 'expires_at'],
    ['more than a day', { for_ms: 25 * HOUR }, 'expires_at'],
    ['nothing to drop', { drop_priority: undefined }, 'drop_priority'],
    ['priority 1', { drop_priority: 1 }, 'drop_priority'],
    ['a share that drops nothing', { keep: 1 }, 'keep'],
    ['an unknown field', { sample: 3 }, 'body'],
  ])('is refused with %s', (_what, change, field) => {
    expect(() => read({ ...good, ...change })).toThrow(new RegExp(`Invalid degrade switch: (?:.*; )?${field}: `));
  });

  it('names every wrong field, and refuses a source that is no name', () => {
    expect(() => read({ drop_priority: 9, keep: 7 })).toThrow(/drop_priority: .*; keep: .*; reason: /);
    expect(() => read(good, 'a b')).toThrow(/source: must be/);
  });
});
