import { nameKey, parseReceiver } from './receiver.js';

const url = 'https://hooks.example/x';
const webhook = (settings: object): object => ({ name: 'ops', channel: 'webhook', settings });

describe('a receiver', () => {
  it('needs little', () => {
    expect(parseReceiver(webhook({ url }))).toEqual({
      name: 'ops',
      channel: 'webhook',
      settings: { url },
      send_resolved: true,
      is_default: true,
      is_enabled: true,
    });
    expect(parseReceiver({ name: ' 值班 ', channel: 'console' })).toMatchObject({ name: '值班', settings: {} });
  });

  it.each([
    ['no name', { channel: 'console' }, 'name: '],
    ['a line break in its name', { name: 'a\nb', channel: 'console' }, 'name: must not contain control characters'],
    ['a channel that does not exist', { name: 'ops', channel: 'pigeon' }, 'channel: must be one of webhook, console'],
    ['a field that does not exist', { name: 'ops', channel: 'console', defualt: true }, 'defualt'],
    ['no URL', webhook({}), 'settings.url: must be an http:// or https:// URL'],
    ['a file as URL', webhook({ url: 'file:///etc/passwd' }), 'settings.url: must be an http:// or https:// URL'],
    ['credentials in its URL', webhook({ url: 'http://me:secret@hooks.example/x' }), 'settings.url: must not contain credentials'],
    ['a setting that does not exist', webhook({ url, method: 'PUT' }), 'method'],
    ['a header that is ours', webhook({ url, headers: { 'Idempotency-Key': 'x' } }), 'settings.headers: must not contain'],
    ['a header with two lines', webhook({ url, headers: { 'X-A': 'x\r\nHost: evil' } }), 'settings.headers.X-A: must be a single line'],
    ['a header without a name', webhook({ url, headers: { 'a b': 'x' } }), 'settings.headers'],
    ['a time limit beyond reason', webhook({ url, timeout_ms: 1 }), 'settings.timeout_ms'],
    ['text instead of an object', 'ops', '(root): '],
  ])('is refused with %s', (_what, body, says) => {
    expect(() => parseReceiver(body)).toThrow(expect.objectContaining({ code: 'T4001', message: expect.stringContaining(says) as string }) as Error);
  });

  it('has a name that no database takes for another', () => {
    expect(nameKey('Équipe')).toBe(nameKey('equipe'));
    expect(nameKey('ops')).not.toBe(nameKey('dba'));
  });
});
