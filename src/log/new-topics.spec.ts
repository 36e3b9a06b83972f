import { parseConfig } from '../config.js';
import { newTopics } from './new-topics.js';

const kafka = { KAFKA_BROKERS: 'k:9092', DATABASE_URL: 'mysql://d/tocsin' };

it('a topic is created according to the settings, and its dead-letter topic has the same number of partitions and three times the retention', () => {
  const settings = parseConfig({
    ...kafka,
    TOPIC_PARTITIONS: '24',
    TOPIC_REPLICATION: '3',
    TOPIC_RETENTION_HOURS: '48',
    TOPIC_MIN_INSYNC_REPLICAS: '2',
  });
  expect(newTopics('alerts', settings)).toEqual([
    { name: 'alerts', partitions: 24, replication: 3, config: { 'retention.ms': '172800000', 'min.insync.replicas': '2' } },
    { name: 'alerts.dlq', partitions: 24, replication: 3, config: { 'retention.ms': '518400000', 'min.insync.replicas': '2' } },
  ]);
});

it('omitted properties default to the broker configuration, and an override applies to its topic only', () => {
  const settings = parseConfig({ ...kafka, TOPIC_OVERRIDES: 'raw_events.partitions=48,raw_events.dlq.retention_hours=1000' });
  expect(newTopics('raw_events', settings)).toEqual([
    { name: 'raw_events', partitions: 48, replication: 1, config: {} },
    { name: 'raw_events.dlq', partitions: 48, replication: 1, config: { 'retention.ms': '3600000000' } },
  ]);
  expect(newTopics('alerts', settings)[0]!.partitions).toBe(12);
});

it('an exception that cannot be read is refused at start', () => {
  expect(() => parseConfig({ TOPIC_OVERRIDES: 'raw_events=48' })).toThrow('raw_events=48 must have the form topic.property=number');
});
