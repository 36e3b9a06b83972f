import { Logger } from '@nestjs/common';
import type { Config } from '../config.js';
import type { EventLog } from '../log/event-log.js';
import { topicsTooSmallForEvents, deadLetterTopicsTooSmall } from '../log/topic-limits.js';
import { messageOf } from '../shared/error-message.js';

/** Warns at start about topic limits that are too low. Without access to the topic configuration, warns only about that. */
export async function warnOfLimits(log: EventLog, names: readonly string[], limits: Pick<Config, 'MAX_EVENT_BYTES'>): Promise<void> {
  const logger = new Logger('topics');
  try {
    const topics = await log.topics.describe(names);
    for (const sentence of [...topicsTooSmallForEvents(topics, limits), ...deadLetterTopicsTooSmall(topics)]) logger.warn(sentence);
  } catch (error) {
    logger.warn(`reading the topic configuration failed: ${messageOf(error)}`);
  }
}
