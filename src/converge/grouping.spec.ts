import { anAlertEvent } from '../../test/support/builders.js';
import { groupDimensions, groupKey, scopeKey, stormKey } from './grouping.js';

const key = (of: Parameters<typeof anAlertEvent>[0], groupBy: string[] = []) => {
  const event = anAlertEvent(of);
  return groupKey(scopeKey(event), groupDimensions(event, groupBy));
};

describe('the group of an alert', () => {
  it.each([
    ['alerts of one strategy share it by default', {}, { dimensions: { host: 'b' } }, [], true],
    ['another strategy has another', {}, { strategy_id: 2 }, [], false],
    ['another business has another', {}, { bk_biz_id: '3' }, [], false],
    ['a renamed strategy keeps it', {}, { alert_name: 'new', strategy_name: 'new' }, [], true],
    ['external alerts have one by name', { strategy_id: 0, alert_name: 'A' }, { strategy_id: 0, alert_name: 'B' }, [], false],
    ['other external alerts of the name share it', { strategy_id: 0 }, { strategy_id: 0, labels: { x: 'y' } }, [], true],
    ['group_by tells values apart', { dimensions: { host: 'a' } }, { dimensions: { host: 'b' } }, ['host'], false],
    ['group_by ignores other dimensions', { dimensions: { host: 'a', disk: '1' } }, { dimensions: { host: 'a', disk: '2' } }, ['host'], true],
    [
      'a label serves where there is no dimension',
      { dimensions: {}, labels: { host: 'a' } },
      { dimensions: { host: 'a' }, labels: {} },
      ['host'],
      true,
    ],
    ['a dimension wins over a label', { dimensions: { host: 'a' }, labels: { host: 'b' } }, { dimensions: { host: 'a' } }, ['host'], true],
    ['missing equals empty', { dimensions: {}, labels: {} }, { dimensions: { host: '' } }, ['host'], true],
    ['names of object members are nothing special', { dimensions: {}, labels: {} }, { dimensions: { constructor: '' } }, ['constructor'], true],
  ])('%s', (_, one, other, groupBy, same) => {
    expect(key(one, groupBy) === key(other, groupBy)).toBe(same);
  });

  it('does not depend on the order in which group_by names the dimensions', () => {
    const of = { dimensions: { host: 'a', disk: '1' } };
    expect(key(of, ['host', 'disk'])).toBe(key(of, ['disk', 'host']));
  });

  it('is never that of a storm', () => {
    const scope = scopeKey(anAlertEvent());
    expect(stormKey(scope)).not.toBe(groupKey(scope, {}));
  });
});
