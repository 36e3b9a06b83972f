import fc from 'fast-check';
import { topics } from '../topics.js';
import { AlertProblem, problemsResponse, readAlert, readAlerts } from './alerts.js';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const MINUTE = 60_000;
const iso = (time: number) => new Date(time).toISOString();

const read = (alert: unknown) => readAlert(alert, 0, { now: NOW, business: '2', id: 'id' });
const labels = { alertname: 'X' };

function lease(alert: object): Record<string, unknown> {
  const event = read({ labels, ...alert });
  if (event instanceof AlertProblem) throw new Error(event.message);
  return event.raw_data;
}

describe('readAlert', () => {
  it('makes an event of an alert as Prometheus sends it', () => {
    const alert = {
      labels: { alertname: 'CpuHigh', instance: 'a' },
      annotations: { summary: 'cpu is high' },
      startsAt: iso(NOW - MINUTE),
      endsAt: iso(NOW + 4 * MINUTE),
      generatorURL: 'http://prometheus/graph?g0.expr=up',
      unknown: true,
    };
    const event = read(alert);
    expect(event).toEqual({
      event_id: 'id',
      event_type: 'alert',
      bk_biz_id: '2',
      event_source: 'alertmanager',
      timestamp: NOW,
      raw_data: {
        labels: alert.labels,
        annotations: alert.annotations,
        startsAt: NOW - MINUTE,
        endsAt: NOW + 4 * MINUTE,
        generatorURL: alert.generatorURL,
      },
    });
    expect(topics.rawEvents.parse(event)).toEqual(event);
  });

  it.each<[string, object, object]>([
    ['no times: it started now and ends by our estimate', {}, { startsAt: NOW, endsAt: NOW + 5 * MINUTE, timeout: true }],
    [
      'times of amtool, which mean none',
      { startsAt: '0001-01-01T00:00:00.000Z', endsAt: '0001-01-01T00:00:00.000Z' },
      { startsAt: NOW, timeout: true },
    ],
    ['null for times', { startsAt: null, endsAt: null }, { startsAt: NOW, timeout: true }],
    ['only an end', { endsAt: iso(NOW + MINUTE) }, { startsAt: NOW + MINUTE, endsAt: NOW + MINUTE }],
    ['only a start', { startsAt: iso(NOW - MINUTE) }, { startsAt: NOW - MINUTE, endsAt: NOW + 5 * MINUTE, timeout: true }],
    ['nanoseconds of vmalert', { startsAt: '2026-11-20T11:00:00.123456789Z' }, { startsAt: NOW - 60 * MINUTE + 123 }],
    ['a blank for the T', { endsAt: '2026-11-20 12:30:00' }, { endsAt: NOW + 30 * MINUTE }],
    ['an empty time, which is 1970', { startsAt: '', endsAt: '' }, { startsAt: 0, endsAt: 0 }],
    ['an end that is over', { startsAt: iso(NOW - 2 * MINUTE), endsAt: iso(NOW - MINUTE) }, { endsAt: NOW - MINUTE }],
  ])('understands %s', (_what, times, expected) => {
    expect(lease(times)).toMatchObject(expected);
  });

  it('drops empty labels and takes any name', () => {
    expect(lease({ labels: { 'service.name': 'a', Ünïcode: 'b', empty: '', none: null } })).toMatchObject({
      labels: { 'service.name': 'a', Ünïcode: 'b' },
    });
  });

  it.each<[string, unknown, number, RegExp]>([
    ['no object', 7, 400, /alert 0 must be an object/],
    ['no labels', { annotations: {} }, 602, /0\.labels in body is required/],
    ['labels as text', { labels: 'x' }, 400, /labels/],
    ['only empty labels', { labels: { a: '' } }, 400, /at least one label pair required/],
    ['a number as label', { labels: { a: 1 } }, 400, /label a must be a string/],
    ['an end before the start', { labels, startsAt: iso(NOW), endsAt: iso(NOW - 1) }, 400, /start time must be before end time/],
    ['a time that is none', { labels, startsAt: 'today' }, 400, /startsAt/],
    ['a truth value as time', { labels, endsAt: true }, 400, /endsAt/],
    ['an address that is none', { labels, generatorURL: 'not a url' }, 601, /generatorURL/],
    ['a number as annotation text', { labels, annotations: [] }, 400, /annotations/],
    ['too many labels', { labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, 'x'])) }, 400, /64/],
    ['a label __proto__', { labels: JSON.parse('{"__proto__":"x","a":"b"}') }, 400, /__proto__/],
    ['100 levels', { labels, annotations: { deep: JSON.parse('['.repeat(100) + ']'.repeat(100)) } }, 400, /deep/],
  ])('refuses %s and says why', (_what, alert, code, message) => {
    expect(read(alert)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('makes an event that the topic takes, or a problem, of everything', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.dictionary(fc.string(), fc.string()), fc.constantFrom('', null, '2026-11-20T12:00:00Z'));
    const alert = fc.record({ labels: value, annotations: value, startsAt: value, endsAt: value, generatorURL: value }, { requiredKeys: [] });
    fc.assert(
      fc.property(alert, (given) => {
        const event = read(JSON.parse(JSON.stringify({ ...given })));
        if (!(event instanceof AlertProblem)) expect(topics.rawEvents.parse(JSON.parse(JSON.stringify(event)))).toEqual(event);
      }),
      { numRuns: 3000 },
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('readAlerts', () => {
  it.each<[string, string, unknown]>([
    ['an array', '[{"labels":{}}]', [{ labels: {} }]],
    ['an empty array', '[]', []],
    ['null', 'null', []],
    ['nothing', '', { status: 422, body: { code: 602, message: 'alerts in body is required' } }],
    ['an object', '{}', { status: 400, body: { code: 400, message: expect.any(String) } }],
  ])('reads %s', (_what, body, expected) => {
    expect(readAlerts(Buffer.from(body))).toEqual(expected);
  });
});

describe('answerProblems', () => {
  it('is nothing without problems', () => {
    expect(problemsResponse([])).toBeUndefined();
  });

  it('joins the problems of a handler into one text', () => {
    expect(problemsResponse([new AlertProblem(400, 'a', 'T1101'), new AlertProblem(400, 'b', 'T1101')])).toEqual({ status: 400, body: 'a\nb' });
  });

  it('has the form of the framework as soon as one shape is wrong', () => {
    expect(problemsResponse([new AlertProblem(400, 'a', 'T1101'), new AlertProblem(602, 'b', 'T1101')])).toEqual({
      status: 422,
      body: { code: 602, message: 'a\nb' },
    });
  });
});
