import { type KafkaQueue, parseQueues, queuesOf, type RedisQueue } from './queue.js';

const namesFor = (setting: string, business: string): string[] => queuesOf(parseQueues(setting), business).map(({ name }) => name);
const only = (setting: unknown) => queuesOf(parseQueues(typeof setting === 'string' ? setting : JSON.stringify(setting)), '1')[0];

describe('the queues of a business', () => {
  const map = JSON.stringify({ 0: 'kafka://a:1/all', 5: 'kafka://b:1/own' });

  it.each([
    ['kafka://a:1/t', '5', ['kafka://a:1/t']],
    [map, '5', ['kafka://a:1/all', 'kafka://b:1/own']],
    [map, '6', ['kafka://a:1/all']],
    ['{"5":"kafka://b:1/own"}', '6', []],
    ['{"5":"kafka://b:1/own"}', '5', ['kafka://b:1/own']],
    ['["kafka://a:1/t","redis://r:6379/0/k"]', '5', ['kafka://a:1/t', 'redis://r:6379/0/k']],
    ['{"0":"kafka://a:1/t","5":"kafka://a:1/t"}', '5', ['kafka://a:1/t']],
  ])('%s for business %s: %j', (setting, business, names) => expect(namesFor(setting, business)).toEqual(names));
});

describe('a queue', () => {
  it('is a Kafka topic by its address, on one broker or several', () => {
    expect(only('kafka://localhost:9092/test_topic')).toMatchObject({ kind: 'kafka', topic: 'test_topic', access: { brokers: ['localhost:9092'] } });
    expect(only('kafka://h1:9092,[::1]:9093/t')).toMatchObject({ access: { brokers: ['h1:9092', '[::1]:9093'] } });
  });

  it('is a Kafka topic in the words of its clients', () => {
    const login = { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': 'ann', 'sasl.password': 'secret' };
    const queue = only({ 'bootstrap.servers': 'h:9093', topic: 't', ...login, 'ssl.ca.pem': 'PEM' }) as KafkaQueue;
    expect(queue.access).toEqual({
      brokers: ['h:9093'],
      tls: { ca: 'PEM' },
      sasl: { mechanism: 'scram-sha-512', username: 'ann', password: 'secret' },
    });
    expect(JSON.stringify([queue.name, queue.key])).not.toContain('secret');
  });

  it.each([
    [{ 'message.timeout.ms': '8000' }, 8000],
    [{ 'delivery.timeout.ms': 10_000 }, 10_000],
    [{ 'message.timeout.ms': 0 }, undefined],
    [{ 'message.timeout.ms': 'soon' }, undefined],
    [{}, undefined],
  ])('with %j has the limit %s', (properties, timeoutMs) => {
    expect(only({ 'bootstrap.servers': 'localhost:9092', topic: 't', ...properties })).toMatchObject({ timeoutMs });
  });

  it('is a Redis list', () => {
    expect(only('redis://:p%40ss@10.0.0.1:6379/3/alerts')).toMatchObject({
      kind: 'redis',
      host: '10.0.0.1',
      port: 6379,
      database: 3,
      password: 'p@ss',
      list: 'alerts',
      name: 'redis://10.0.0.1:6379/3/alerts',
    });
    expect((only('rediss://ann:x@h/0/a/b') as RedisQueue).list).toBe('a/b');
  });

  it.each([
    ['kafka://localhost:9092', 'kafka://host:port'],
    ['kafka://localhost/t', 'localhost must have the form host:port'],
    ['kafka://ann:secret@h:9092/t', 'use an object for SASL'],
    ['redis://h:6379/alerts', 'redis://[:password]@host:port/database/key'],
    ['http://h/t', 'must start with kafka://'],
    ['{"0":', 'not valid JSON'],
    ['{"bootstrap.servers":"h:1"}', 'topic'],
    ['{"bootstrap.servers":"h:1","topic":"t","sasl.user":"x"}', 'sasl.user'],
    ['{"bootstrap.servers":"h:1","topic":"t","security.protocol":"SASL_SSL","sasl.password":"secret"}', 'requires sasl.username'],
  ])('%s is refused: %s', (setting, why) => {
    expect(() => parseQueues(setting)).toThrow(why);
    expect(() => parseQueues(setting)).not.toThrow('secret');
  });
});
