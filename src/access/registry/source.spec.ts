import { TocsinError } from '../../shared/errors.js';
import { REDACTED, parseSource, mergedSecrets, redacted, type SourceDefinition } from './source.js';
import { patternProblem, wholeName } from './topic-pattern.js';

const sasl = { mechanism: 'plain', username: 'ann', password: 'hunter2' };
const kafka = (more: Record<string, unknown> = {}) => ({ name: 'a', kind: 'kafka', cluster: { brokers: ['k:9092'], sasl }, topics: ['t'], ...more });

function problems(value: unknown): string[] {
  try {
    parseSource(value);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(TocsinError);
    expect((error as TocsinError).code).toBe('T7020');
    expect((error as TocsinError).message).not.toContain('hunter2');
    return ((error as TocsinError).details as { field: string }[]).map(({ field }) => field).sort();
  }
}

describe('the definition of a source', () => {
  it('has defaults for everything that need not be said', () => {
    expect(parseSource({ name: 'a', kind: 'kafka', cluster: { brokers: ['k:9092'] }, topics: ['t'] }).definition).toEqual({
      name: 'a',
      kind: 'kafka',
      description: '',
      is_enabled: true,
      format: 'tocsin',
      cluster: { brokers: ['k:9092'] },
      topics: ['t'],
      mode: 'subscribe',
      start: 'latest',
      max_in_flight: 4,
    });
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', null, ['source']],
    ['another kind', { name: 'a', kind: 'mqtt' }, ['kind']],
    ['several wrong fields at once', kafka({ name: 'A b', max_in_flight: 0, colour: 'red' }), ['colour', 'max_in_flight', 'name']],
    ['a name of dots', kafka({ name: '..' }), ['name']],
    ['neither topics nor pattern', kafka({ topics: undefined }), ['topics']],
    ['topics and pattern', kafka({ pattern: 'a.*' }), ['topics']],
    ['a topic twice', kafka({ topics: ['t', 't'] }), ['topics']],
    ['brokers without a port', kafka({ cluster: { brokers: ['k'] } }), ['cluster.brokers.0']],
    ['a wrong field inside the login', kafka({ cluster: { brokers: ['k:1'], sasl: { ...sasl, passwort: 'hunter2' } } }), ['cluster.sasl.passwort']],
    ['a mechanism that nobody knows', kafka({ cluster: { brokers: ['k:1'], sasl: { ...sasl, mechanism: 'gssapi' } } }), ['cluster.sasl.mechanism']],
    ['a wrong field of tls', kafka({ cluster: { brokers: ['k:1'], tls: { cert: 3 } } }), ['cluster.tls.cert']],
    ['a key without a certificate', kafka({ cluster: { brokers: ['k:1'], tls: { key: 'hunter2' } } }), ['cluster.tls.cert']],
    ['partitions of a group', kafka({ partitions: [0] }), ['partitions']],
    ['a group of explicit partitions', kafka({ mode: 'assign', group_id: 'g' }), ['group_id']],
    ['a start that is no time', kafka({ start: { timestamp: 'yesterday' } }), ['start.timestamp']],
    ['a mapping of another format', kafka({ format: 'mapping' }), ['mapping']],
    ['a business with a blank', kafka({ business: 'a b' }), ['business']],
  ])('refuses %s, and names every wrong field', (_what, value, fields) => {
    expect(problems(value)).toEqual(fields);
  });

  it('takes a time in any unit, and a number as the name of a business', () => {
    const { definition } = parseSource(kafka({ start: { timestamp: '2026-01-01T00:00:00Z' }, business: 7 }));
    expect(definition).toMatchObject({ start: { timestamp: Date.UTC(2026, 0, 1) }, business: '7' });
  });

  it('keeps secrets apart, shows where they are, and takes what was shown as unchanged', () => {
    const { definition, secrets } = parseSource(kafka());
    expect(secrets).toEqual({ password: 'hunter2' });
    expect(JSON.stringify(definition)).not.toContain('hunter2');
    const answer = redacted(definition);
    expect(answer).toMatchObject({ cluster: { sasl: { password: REDACTED } } });
    expect(parseSource(answer)).toEqual({ definition, secrets: {} });
  });
});

describe('the secrets of a changed source', () => {
  const { definition: stored } = parseSource(kafka());
  const before = { of: stored, secrets: { password: 'hunter2' } };
  const settled = (definition: SourceDefinition, given = {}) => mergedSecrets(definition, given, before);

  it('stay when none is given, change when one is given, go when there is no login', () => {
    expect(settled(stored)).toEqual({ password: 'hunter2' });
    expect(settled(stored, { password: 'new' })).toEqual({ password: 'new' });
    expect(settled(parseSource(kafka({ cluster: { brokers: ['k:9092'] } })).definition)).toEqual({});
  });

  it('must be given with the first login, and again when they would go somewhere else', () => {
    expect(() => mergedSecrets(stored, {})).toThrow('cluster.sasl.password: is missing');
    for (const cluster of [
      { brokers: ['evil:9092'], sasl },
      { brokers: ['k:9092'], sasl: { ...sasl, username: 'eve' } },
      { brokers: ['k:9092'], tls: true, sasl },
    ]) {
      expect(() => settled(parseSource(kafka({ cluster })).definition)).toThrow('is required again');
    }
  });

  it('include the key of a certificate', () => {
    const { definition, secrets } = parseSource(kafka({ cluster: { brokers: ['k:1'], tls: { cert: 'c', key: 'k' } } }));
    expect(mergedSecrets(definition, secrets)).toEqual({ tls_key: 'k' });
    expect(() => mergedSecrets(definition, {})).toThrow('cluster.tls.key: is missing');
  });
});

describe('a pattern of topics', () => {
  it('matches whole names', () => {
    expect(['orders', 'orders.eu', 'old-orders'].filter((topic) => wholeName('orders(\\.eu)?').test(topic))).toEqual(['orders', 'orders.eu']);
  });

  it.each(['(a+)+', '(a|b)*', '(?=a)', '(a)\\1', '.*.*.*.*', '[a', 'a{1,}b{1,}c+d*'])(
    'may not be %s, which could backtrack exponentially',
    (pattern) => {
      expect(patternProblem(pattern)).toBeDefined();
    },
  );

  it.each(['metrics\\..*', '(eu|us)-[a-z]+\\.alarms', 'a.b', '[^.]+\\.\\d{1,3}'])('may be %s', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });
});
