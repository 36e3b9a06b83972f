import { compileConditions, type Dimensions, dimensionText } from './conditions.js';
import type { Condition } from './strategy.js';

type Case = [title: string, conditions: Condition[], dimensions: Dimensions, expected: boolean];

const is = (key: string, method: Condition['method'], value: string[], condition: Condition['condition'] = 'and'): Condition => ({
  key,
  method,
  value,
  condition,
});

const single: [method: Condition['method'], value: string[], text: string, expected: boolean][] = [
  ['eq', ['value'], 'value1', false],
  ['eq', ['1', '2'], '2', true],
  ['eq', ['1'], '1.0', false],
  ['neq', ['a', 'b'], 'b', false],
  ['neq', ['a', 'b'], 'c', true],
  ['include', ['value'], 'the value of it', true],
  ['include', ['x', 'of'], 'the value of it', true],
  ['include', ['values'], 'the value of it', false],
  ['exclude', ['value'], 'asdfalueasdf', true],
  ['exclude', ['x', 'alu'], 'value', false],
  ['gt', ['101'], '101', false],
  ['gt', ['5'], '6', true],
  ['gt', ['101', '102'], '101.5', true],
  ['gte', ['101'], '101', true],
  ['gte', ['101'], '12', false],
  ['lt', ['101'], '101', false],
  ['lt', ['101', '102'], '100.9', true],
  ['lte', ['101'], '101', true],
  ['lte', ['1e3'], ' 999 ', true],
];

describe('a condition', () => {
  it.each(single)('%s %j holds for %j: %s', (method, value, text, expected) => {
    expect(compileConditions([is('key', method, value)])?.({ key: text })).toBe(expected);
  });

  it.each(['gt', 'gte', 'lt', 'lte'] as const)('%s matches nothing when a side is not a number', (method) => {
    for (const [limit, text] of [
      ['1', 'many'],
      ['many', '1'],
      ['1', ' '],
      ['', '1'],
      ['NaN', 'NaN'],
    ] as const) {
      expect(compileConditions([is('key', method, [limit])])?.({ key: text })).toBe(false);
    }
  });

  it.each([
    ['eq', [''], true],
    ['neq', ['a'], true],
    ['include', ['a'], false],
    ['exclude', ['a'], true],
    ['lt', ['1'], false],
  ] as const)('%s %j sees a missing dimension as the empty text: %s', (method, value, expected) => {
    expect(compileConditions([is('key', method, [...value])])?.({})).toBe(expected);
  });
});

const lists: Case[] = [
  ['all of a group must hold', [is('device', 'eq', ['cpu0', 'cpu1']), is('ip', 'eq', ['10.0.0.2'])], { device: 'cpu0', ip: '10.0.0.1' }, false],
  ['`and` binds tighter than `or`', [is('a', 'eq', ['1']), is('b', 'eq', ['1'], 'or'), is('c', 'eq', ['1'])], { a: '0', b: '1', c: '0' }, false],
  ['one group suffices', [is('a', 'eq', ['1']), is('b', 'eq', ['1'], 'or'), is('c', 'eq', ['1'])], { a: '1', b: '0', c: '0' }, true],
  ['the second group may be the one', [is('a', 'eq', ['1']), is('b', 'eq', ['1'], 'or'), is('c', 'eq', ['1'])], { a: '0', b: '1', c: '1' }, true],
  ['a leading `or` does not match everything', [is('a', 'eq', ['1'], 'or')], { a: '0' }, false],
  ['a leading `or` means nothing', [is('a', 'eq', ['1'], 'or'), is('b', 'eq', ['1'])], { a: '1', b: '0' }, false],
];

describe('a list of conditions', () => {
  it.each(lists)('%s', (_title, conditions, dimensions, expected) => {
    expect(compileConditions(conditions)?.(dimensions)).toBe(expected);
  });

  it('is no matcher at all when it is empty', () => {
    expect(compileConditions([])).toBeUndefined();
  });
});

describe('the text of a dimension', () => {
  it.each(['__proto__', 'constructor', 'toString'])('is empty for the inherited name %s', (name) => {
    expect(dimensionText({}, name)).toBe('');
  });
});
