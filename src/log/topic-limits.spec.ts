import type { TopicState } from './topic-admin.js';
import { deadLetterBytes, topicsTooSmallForEvents, deadLetterTopicsTooSmall } from './topic-limits.js';

const topic = (name: string, config: Record<string, string>): TopicState => ({ name, cluster: 'main', partitions: [], config });
const taking = (name: string, bytes: number) => topic(name, { 'max.message.bytes': String(bytes) });

it('a topic that takes less than an event is named with both numbers', () => {
  const topics = [topic('raw_events', { 'max.message.bytes': '1000' }), topic('alerts', { 'max.message.bytes': '1048588' }), topic('embedded', {})];
  expect(topicsTooSmallForEvents(topics, { MAX_EVENT_BYTES: 262_144 })).toEqual([
    expect.stringMatching(/^raw_events has max\.message\.bytes=1000, .* 262144/),
  ]);
});

it('a dead-letter topic with too small max.message.bytes for the records of its topic is reported with a remedy', () => {
  expect(
    deadLetterTopicsTooSmall([taking('alerts', 1000), taking('alerts.dlq', deadLetterBytes(1000)), topic('embedded', {}), topic('embedded.dlq', {})]),
  ).toEqual([]);
  expect(deadLetterTopicsTooSmall([taking('alerts', 1_048_588), taking('alerts.dlq', 1_048_588)])).toEqual([
    expect.stringMatching(/^alerts\.dlq has max\.message\.bytes=1048588, .* tocsin topics set alerts\.dlq --max-message 1064972$/),
  ]);
});
