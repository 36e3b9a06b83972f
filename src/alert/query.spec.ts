import { matches, parseMatcher } from './matcher.js';
import { alertQuery, cursorOf } from './query.js';
import { parseRequest } from '../shared/parse.js';

const refused = (says: string): Error => expect.objectContaining({ code: 'T3003', message: expect.stringContaining(says) as string }) as Error;

const parsed = (query: unknown) => parseRequest(alertQuery, query);

describe('a label matcher', () => {
  it.each([
    ['host="web-1"', { name: 'host', equal: true, value: 'web-1' }],
    ['host=web-1', { name: 'host', equal: true, value: 'web-1' }],
    ['host != "web-1"', { name: 'host', equal: false, value: 'web-1' }],
    ['path="a=b,c"', { name: 'path', equal: true, value: 'a=b,c' }],
    [String.raw`text="say \"hi\"\n\\"`, { name: 'text', equal: true, value: 'say "hi"\n\\' }],
    ['"service.name"="x"', { name: 'service.name', equal: true, value: 'x' }],
    ['host=', { name: 'host', equal: true, value: '' }],
    ['host=""', { name: 'host', equal: true, value: '' }],
    ['机器="一"', { name: '机器', equal: true, value: '一' }],
  ])('%s', (text, matcher) => {
    expect(parseMatcher(text)).toEqual(matcher);
  });

  it.each(['host', '="x"', 'host="x', 'host="x"y', '{host="x"}', ''])('cannot be %s', (text) => {
    expect(() => parseMatcher(text)).toThrow(refused('is not a label matcher'));
  });

  it.each(['host=~"web-.*"', 'host!~"web-.*"'])('cannot be a regular expression yet: %s', (text) => {
    expect(() => parseMatcher(text)).toThrow(refused('regular expressions are not supported'));
  });

  it('takes a missing label for an empty one', () => {
    expect(matches([parseMatcher('host=""')], {})).toBe(true);
    expect(matches([parseMatcher('host!=""')], {})).toBe(false);
    expect(matches([parseMatcher('host!="web-1"')], {})).toBe(true);
    expect(matches([parseMatcher('host="web-1"'), parseMatcher('rack="7"')], { host: 'web-1' })).toBe(false);
  });
});

describe('the query of the alert list', () => {
  it('is generous about how lists and times are written', () => {
    const query = {
      status: 'ABNORMAL,CLOSED',
      severity: ['fatal', '2'],
      strategy_id: '7',
      acknowledged: 'false',
      from: '2026-01-15T12:00:00Z',
      to: '1768500000000',
      filter: ['host="a,b"', 'rack=7'],
    };
    expect(parsed(query)).toEqual({
      filter: {
        status: ['ABNORMAL', 'CLOSED'],
        severity: [1, 2],
        strategy_id: 7,
        acknowledged: false,
        from: Date.UTC(2026, 0, 15, 12),
        to: 1_768_500_000_000,
        labels: [
          { name: 'host', equal: true, value: 'a,b' },
          { name: 'rack', equal: true, value: '7' },
        ],
      },
      limit: 50,
    });
  });

  it('continues after the position of a cursor', () => {
    const place = { begin_time: 5, alert_id: 'a-1' };
    expect(parsed({ cursor: cursorOf(place) }).after).toEqual(place);
  });

  it.each([
    ['an unknown status', { status: 'abnormal' }, 'status'],
    ['an unknown severity', { severity: 'critical' }, 'critical is not 1 (fatal)'],
    ['a property of every object as severity', { severity: 'constructor' }, 'constructor is not 1 (fatal)'],
    ['a time that is none', { from: 'yesterday' }, 'yesterday is neither epoch milliseconds'],
    ['a limit of nothing', { limit: '0' }, 'limit'],
    ['a limit beyond reason', { limit: '1001' }, 'limit'],
    ['a word as limit', { limit: 'many' }, 'must be an integer'],
    ['two businesses', { bk_biz_id: ['2', '3'] }, 'must be given only once'],
    ['a parameter that does not exist', { stauts: 'ABNORMAL' }, 'stauts'],
    ['a cursor of somebody else', { cursor: 'bm9uc2Vuc2U' }, 'cursor=bm9uc2Vuc2U'],
    ['a cursor with a wrong shape', { cursor: Buffer.from('["x",1]').toString('base64url') }, 'cursor='],
  ])('refuses %s', (_what, query, says) => {
    expect(() => parsed(query)).toThrow(refused(says));
  });
});
