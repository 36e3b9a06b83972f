import type { Config } from '../config.js';
import { deadLetterTopic } from '../topics.js';
import type { TopicState } from './topic-admin.js';

type Limits = Pick<Config, 'MAX_EVENT_BYTES'>;

/** Kafka's name for the size of a record, or of a compressed batch, that a topic takes. */
export const MOST_BYTES = 'max.message.bytes';
/** What the headers of a dead letter may need beside the record that it is. */
const HEADER_BYTES = 16_384;

const LETTERS = deadLetterTopic('');

/** The topic whose dead letters go to this one; undefined for any other topic. */
export const originalTopic = (name: string): string | undefined => (name.endsWith(LETTERS) ? name.slice(0, -LETTERS.length) : undefined);

/** Bytes that dead letters must be able to have when their topic takes `most`. */
export const deadLetterBytes = (most: number): number => most + HEADER_BYTES;

/** Topics that would refuse an event which we accept, in sentences. */
export function topicsTooSmallForEvents(topics: readonly TopicState[], { MAX_EVENT_BYTES }: Limits): string[] {
  return topics.flatMap(({ name, config }) => {
    const most = config[MOST_BYTES];
    return most !== undefined && Number(most) < MAX_EVENT_BYTES
      ? [`${name} has ${MOST_BYTES}=${most}, but MAX_EVENT_BYTES is ${MAX_EVENT_BYTES}: larger events will be refused`]
      : [];
  });
}

/** Dead letters whose topics would refuse a record that its own topic takes, in sentences. */
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
