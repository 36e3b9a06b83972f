import { accessOf, type DesiredSource, reconcile } from './reconcile.js';
import { type KafkaSource, parseSource } from '../access/registry/source.js';

const stamp = { id: 1, version: 1, declared_at: 0, created_at: 0, updated_at: 0 };
const aSource = (name: string, more: Record<string, unknown> = {}, stamps: Partial<typeof stamp> = {}): DesiredSource => {
  const { definition, secrets } = parseSource({ name, kind: 'kafka', cluster: { brokers: ['k:9092'] }, topics: ['t'], ...more });
  const source = { ...(definition as KafkaSource), ...stamp, ...stamps };
  return { source, access: accessOf(source, secrets) };
};
const running = (...all: DesiredSource[]) => new Map(all.map((each) => [each.source.name, each]));
const words = (desired: DesiredSource[], actual: ReturnType<typeof running>) =>
  reconcile(desired, actual).map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`);

describe('what runs becomes what is declared', () => {
  it('does nothing when it is so already', () => {
    expect(words([aSource('a'), aSource('b')], running(aSource('a'), aSource('b')))).toEqual([]);
  });

  it('starts, stops and disables, each for its reason, stops first', () => {
    const disabled = aSource('off', { is_enabled: false });
    expect(words([aSource('new'), disabled, aSource('stays')], running(aSource('gone'), aSource('off'), aSource('stays')))).toEqual([
      'stop gone: removed',
      'stop off: disabled',
      'start new: declared',
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another format', { format: 'prometheus' }, 'adjust a: format changed'],
    ['another business and window', { business: '3', max_in_flight: 8 }, 'adjust a: max_in_flight, business changed'],
    ['another group', { group_id: 'g' }, 'restart a: group_id changed'],
    ['other topics', { topics: ['t', 'u'] }, 'restart a: topics changed'],
    ['another mode', { mode: 'assign' }, 'restart a: mode changed'],
    ['other brokers', { cluster: { brokers: ['l:9092'] } }, 'restart a: cluster changed'],
    ['nothing but a decision to go on', {}, 'adjust a: resumed'],
  ])('changes a consumer by as little as it can: %s', (_what, more, expected) => {
    expect(words([aSource('a', more, { version: 2 })], running(aSource('a')))).toEqual([expected]);
  });

  it('restarts for another password, and for a source that was removed and recreated', () => {
    const sasl = (password: string) => ({ cluster: { brokers: ['k:9092'], sasl: { mechanism: 'plain', username: 'ann', password } } });
    expect(words([aSource('a', sasl('new'), { version: 2 })], running(aSource('a', sasl('old'))))).toEqual(['restart a: cluster changed']);
    expect(words([aSource('a', {}, { id: 2, version: 2 })], running(aSource('a')))).toEqual(['restart a: removed and recreated']);
  });

  it('gives explicit partitions to a consumer that runs', () => {
    const explicit = (more: Record<string, unknown>, version: number) => aSource('a', { mode: 'assign', ...more }, { version });
    expect(words([explicit({ topics: ['u'], partitions: [1] }, 2)], running(explicit({}, 1)))).toEqual(['adjust a: topics, partitions changed']);
  });
});
