import type { TopicState } from './topic-admin.js';
import { tooSmall } from './topic-limits.js';

it('a topic that takes less than an event is named with both numbers', () => {
  const topic = (name: string, config: Record<string, string>): TopicState => ({ name, cluster: 'main', partitions: [], config });
  const topics = [topic('raw_events', { 'max.message.bytes': '1000' }), topic('alerts', { 'max.message.bytes': '1048588' }), topic('embedded', {})];
  expect(tooSmall(topics, { MAX_EVENT_BYTES: 262_144 })).toEqual([expect.stringMatching(/^raw_events takes messages of 1000 bytes .* 262144/)]);
});
