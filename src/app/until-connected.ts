import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { TocsinError } from '../shared/errors.js';
import { backoff } from '../shared/retry.js';
import { messageOf } from '../shared/error-message.js';

/** Retries until `connect` succeeds: an unavailable server delays the start and does not abort it. */
export async function untilConnected<T>(name: string, connect: () => Promise<T>): Promise<T> {
  const logger = new Logger('start');
  for (let failures = 1; ; failures++) {
    try {
      return await connect();
    } catch (error) {
      const wait = backoff(failures, Math.random(), 200, 5000);
      const why = error instanceof TocsinError ? `${error.code} ${error.message}` : messageOf(error);
      logger.warn(`${name} is unavailable: ${why}; retrying in ${wait} ms`);
      await delay(wait);
    }
  }
}
