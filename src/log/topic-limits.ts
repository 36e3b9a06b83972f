import { Logger } from '@nestjs/common';
import type { Config } from '../config.js';
import type { Log } from './log.js';
import type { TopicState } from './topic-admin.js';

type Limits = Pick<Config, 'MAX_EVENT_BYTES'>;

/** Topics that would refuse an event which we accept, in sentences. */
export function tooSmall(topics: readonly TopicState[], { MAX_EVENT_BYTES }: Limits): string[] {
  return topics.flatMap(({ name, config }) => {
    const most = config['max.message.bytes'];
    return most !== undefined && Number(most) < MAX_EVENT_BYTES
      ? [
          `${name} takes messages of ${most} bytes (max.message.bytes), events may have ${MAX_EVENT_BYTES} (MAX_EVENT_BYTES): larger ones will be refused`,
        ]
      : [];
  });
}

/** Says at start what the topics will refuse. Where we may not ask for their settings, only that. */
export async function warnOfLimits(log: Log, names: readonly string[], limits: Limits): Promise<void> {
  const logger = new Logger('topics');
  try {
    for (const sentence of tooSmall(await log.topics.describe(names), limits)) logger.warn(sentence);
  } catch (error) {
    logger.warn(`the settings of the topics are not known: ${error instanceof Error ? error.message : String(error)}`);
  }
}
