import type { Config } from '../config.js';
import { deadLetterTopic } from '../topics.js';
import type { TopicState } from './topic-admin.js';

type Limits = Pick<Config, 'MAX_EVENT_BYTES'>;

/** Kafka's config for the largest record, or compressed batch, that a topic accepts. */
export const MOST_BYTES = 'max.message.bytes';
/** Room for the headers that a dead letter has in addition to the original record. */
const HEADER_BYTES = 16_384;

const LETTERS = deadLetterTopic('');

/** The original topic of a dead-letter topic; undefined for any other topic. */
export const originalTopic = (name: string): string | undefined => (name.endsWith(LETTERS) ? name.slice(0, -LETTERS.length) : undefined);

/** Size limit that a dead-letter topic needs when its original topic accepts `most` bytes. */
export const deadLetterBytes = (most: number): number => most + HEADER_BYTES;

/** Topics that would refuse an event which Tocsin accepts, as sentences. */
export function topicsTooSmallForEvents(topics: readonly TopicState[], { MAX_EVENT_BYTES }: Limits): string[] {
  return topics.flatMap(({ name, config }) => {
    const most = config[MOST_BYTES];
    return most !== undefined && Number(most) < MAX_EVENT_BYTES
      ? [`${name} has ${MOST_BYTES}=${most}, but MAX_EVENT_BYTES is ${MAX_EVENT_BYTES}: larger events will be refused`]
      : [];
  });
}

/** Dead-letter topics that would refuse a record which its original topic accepts, as sentences. */
export function deadLetterTopicsTooSmall(topics: readonly TopicState[]): string[] {
  const most = new Map(topics.flatMap(({ name, config }) => (config[MOST_BYTES] === undefined ? [] : [[name, Number(config[MOST_BYTES])] as const])));
  return [...most].flatMap(([name, bytes]) => {
    const [letters, needed] = [deadLetterTopic(name), deadLetterBytes(bytes)];
    const room = most.get(letters);
    return room !== undefined && room < needed
      ? [
          `${letters} has ${MOST_BYTES}=${room}, ${name} ${bytes}; dead letter records also need space for headers: ` +
            `a dead letter record that is too large stays in the outbox; tocsin topics set ${letters} --max-message ${needed}`,
        ]
      : [];
  });
}
