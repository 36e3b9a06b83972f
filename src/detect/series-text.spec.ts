import fc from 'fast-check';
import { partsOf, seriesText } from './series-text.js';

const part = fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom('', '\u0000', 'a'.repeat(255), 'a'.repeat(300), '\ud800'));
const asDimensions = (values: readonly string[]) => Object.fromEntries(values.map((value, index) => [`d${index}`, value]));
const names = (values: readonly string[]) => values.map((_, index) => `d${index}`);

describe('the text of a series', () => {
  it('gives its parts back, and so is different for different parts', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.option(part, { nil: undefined }), (values, source) => {
        const text = seriesText(names(values), asDimensions(values), source);
        const parts = source === undefined ? values : [...values, source];
        expect(partsOf(text, parts.length)).toEqual(parts);
      }),
    );
  });

  it('takes a missing dimension as the empty text', () => {
    expect(seriesText(['host', 'disk'], { host: 'a' }, undefined)).toBe(seriesText(['host', 'disk'], { host: 'a', disk: '' }, undefined));
  });
});
