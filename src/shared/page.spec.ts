import { z } from 'zod';
import { cursor, cursorText, pageOf } from './page.js';
import { parseRequest, querySchema } from './parse.js';

const query = querySchema(z.strictObject({ cursor: cursor(z.number().int(), z.string()) }), 'T3003');

describe('a page of a list', () => {
  it('has a next_cursor that leads behind its last row', () => {
    const rows = [9, 8, 7].map((at) => ({ at, id: `row-${at}` }));
    const { items, next_cursor } = pageOf(rows, 2, ({ at, id }) => [at, id]);
    expect(items.map(({ at }) => at)).toEqual([9, 8]);
    expect(parseRequest(query, { cursor: next_cursor })).toEqual({ cursor: [8, 'row-8'] });
  });

  it('has none when no row follows', () => {
    expect(pageOf([1, 2], 2, (row) => [row]).next_cursor).toBeNull();
    expect(pageOf<number>([], 2, (row) => [row]).next_cursor).toBeNull();
  });

  it.each([
    ['text that is none', 'nonsense'],
    ['another shape', cursorText(['x', 1])],
    ['too many parts', cursorText([1, 'x', 2])],
    ['a number', '7'],
  ])('refuses a cursor with %s', (_what, text) => {
    expect(() => parseRequest(query, { cursor: text })).toThrow(
      expect.objectContaining({ code: 'T3003', message: expect.stringContaining(text) as string }),
    );
  });
});
