import { newSecretKey, open, seal, secretKey } from './secret-box.js';

const key = secretKey(newSecretKey())!;

describe('the secret box', () => {
  it('gives back what was sealed', () => {
    expect(open(seal('pa55 wörd', 'source/a', key), 'source/a', [key])).toEqual({ text: 'pa55 wörd' });
  });

  it('seals the same text differently each time, and shows nothing of it', () => {
    const [first, second] = [seal('hunter2', 'a', key), seal('hunter2', 'a', key)];
    expect(first).not.toBe(second);
    expect(first).not.toContain('hunter2');
    expect(first).not.toContain(Buffer.from('hunter2').toString('base64'));
  });

  it('does not open what is about something else, what was altered, or what another key sealed', () => {
    const sealed = seal('x', 'source/a', key);
    const parts = sealed.split('.');
    const flipped = Buffer.from(parts[4]!, 'base64');
    flipped[0]! ^= 1;
    expect(open(sealed, 'source/b', [key])).toBe('altered');
    expect(open([...parts.slice(0, 4), flipped.toString('base64')].join('.'), 'source/a', [key])).toBe('altered');
    expect(open(parts.slice(0, 3).join('.'), 'source/a', [key])).toBe('altered');
    expect(open(sealed, 'source/a', [secretKey(newSecretKey())!])).toBe('no key');
  });

  it('still opens what an older key sealed while that key is given', () => {
    const older = secretKey('ab'.repeat(32))!;
    expect(open(seal('x', 'a', older), 'a', [key, older])).toEqual({ text: 'x' });
  });

  it.each(['', 'short', 'z'.repeat(64), 'ab'.repeat(31)])('takes no key out of %p', (text) => {
    expect(secretKey(text)).toBeUndefined();
  });
});
