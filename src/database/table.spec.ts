import {
  bigint,
  caseSensitive,
  clippedText,
  derived,
  flagColumn,
  insertOnly,
  json,
  named,
  nullable,
  sequence,
  textColumn,
  unmapped,
} from './column.js';
import { table } from './table.js';

interface Bell {
  readonly id: number;
  readonly tower: string;
  readonly weight: number;
  readonly isCracked: boolean;
  readonly notes: readonly string[] | null;
  readonly motto: string;
}

const bells = table<Bell, 'open_key' | 'rung_at', 'id'>(
  'bell',
  {
    id: sequence(),
    tower: caseSensitive(textColumn(16)),
    open_key: derived(nullable(textColumn(16)), (bell) => (bell.isCracked ? null : bell.tower)),
    weight: insertOnly(bigint()),
    isCracked: named('is_cracked', flagColumn()),
    notes: nullable(json()),
    motto: clippedText(5),
    rung_at: unmapped(nullable(bigint())),
  },
  { unique: [['open_key']], indexes: [['tower', 'isCracked']] },
);

const bell = { tower: 'north', weight: 9, isCracked: false, notes: ['a', 'b'], motto: 'vivos voco' };

describe('the description of a table', () => {
  it('writes an object as a row: text clipped, JSON as text, flags as numbers, derived columns computed, without generated ones', () => {
    expect(bells.columns).toEqual(['tower', 'open_key', 'weight', 'is_cracked', 'notes', 'motto']);
    expect(bells.row(bell)).toEqual(['north', 'north', 9, 0, '["a","b"]', 'vivos']);
    expect(bells.row({ ...bell, isCracked: true, notes: null })).toEqual(['north', null, 9, 1, null, 'vivos']);
  });

  it('reads a row as drivers return it: bigint as text, flags as numbers', () => {
    expect(bells.selection).toBe('id, tower, weight, is_cracked, notes, motto');
    const row = { id: 7, tower: 'north', weight: '9', is_cracked: 1, notes: '["a"]', motto: 'vivos', open_key: null, rung_at: null };
    expect(bells.parse(row)).toEqual({ id: 7, tower: 'north', weight: 9, isCracked: true, notes: ['a'], motto: 'vivos' });
    expect(bells.parse({ ...row, notes: null }).notes).toBeNull();
  });

  it('writes or reads a part of the columns, in the order of the table', () => {
    const part = bells.writer<Pick<Bell, 'isCracked' | 'tower'>>(['isCracked', 'open_key', 'tower']);
    expect(part.columns).toEqual(['tower', 'open_key', 'is_cracked']);
    expect(part.row(bell)).toEqual(['north', 'north', 0]);
    const some = bells.reader(['weight', 'id']);
    expect(some.selection).toBe('id, weight');
    expect(some.parse({ id: '1', weight: '2' })).toEqual({ id: 1, weight: 2 });
  });

  it('updates on conflict what is neither key nor insert-only', () => {
    expect(bells.upsert).toEqual({ key: ['id'], update: ['tower', 'open_key', 'is_cracked', 'notes', 'motto'] });
  });

  it('does not compile when a field has no column, or a column of another type', () => {
    // @ts-expect-error weight is missing
    table<Pick<Bell, 'tower' | 'weight'>>('bell', { tower: textColumn(16) });
    // @ts-expect-error weight is a number
    table<Pick<Bell, 'tower' | 'weight'>>('bell', { tower: textColumn(16), weight: textColumn(16) });
    // @ts-expect-error notes may be null
    table<Pick<Bell, 'notes'>>('bell', { notes: json<readonly string[]>() });
    // @ts-expect-error the table has no such column
    expect(bells.writer<Bell>(['colour']).columns).toEqual([]);
    expect.assertions(1);
  });
});
