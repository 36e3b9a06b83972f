import { parseConfig } from './config.js';

const distributed = { KAFKA_BROKERS: 'a:9092, b:9092', DATABASE_URL: 'mysql://u:p@h/d' };

describe('settings', () => {
  it('are embedded by default, and distributed when both servers are named', () => {
    expect(parseConfig({})).toMatchObject({ mode: 'embedded', HTTP_HOST: '127.0.0.1', HTTP_PORT: 8080 });
    expect(parseConfig(distributed)).toMatchObject({ mode: 'distributed', KAFKA_BROKERS: ['a:9092', 'b:9092'] });
  });

  it.each([
    ['KAFKA_BROKERS', 'DATABASE_URL'],
    ['DATABASE_URL', 'KAFKA_BROKERS'],
  ] as const)('refuse %s alone, and say that %s is missing', (set, missing) => {
    expect(() => parseConfig({ [set]: distributed[set] })).toThrow(`${set} is set but ${missing} is not`);
  });

  it('name every wrong value at once', () => {
    expect(() => parseConfig({ HTTP_PORT: '99999', TICK_MS: 'soon', DATABASE_URL: 'postgres://x' })).toThrow(
      /HTTP_PORT=99999: must be a port.*TICK_MS=soon: must be an integer|DATABASE_URL/,
    );
  });

  it('come from the environment before the file, and the file may not invent any', () => {
    expect(parseConfig({ HTTP_PORT: '1' }, { HTTP_PORT: 2, TICK_MS: 3 })).toMatchObject({ HTTP_PORT: 1, TICK_MS: 3 });
    expect(parseConfig({}, { KAFKA_BROKERS: ['a:1', 'b:2'], DATABASE_URL: 'mysql://x/y' }).KAFKA_BROKERS).toEqual(['a:1', 'b:2']);
    expect(() => parseConfig({}, { COLOUR: 'red' })).toThrow('COLOUR');
  });

  it('take an empty value for none', () => {
    expect(parseConfig({ HTTP_PORT: '', KAFKA_BROKERS: '', DATABASE_URL: '' })).toMatchObject({ mode: 'embedded', HTTP_PORT: 8080 });
  });
});
