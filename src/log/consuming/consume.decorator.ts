import { applyDecorators, SetMetadata, UseFilters, UseInterceptors } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { Topic } from '../../topics.js';
import type { Batch } from './batch.js';
import { CONSUMES } from './consumes.js';
import { groupTransport, type ConsumeOptions } from './groups.js';
import { OffsetCommitInterceptor } from './offset-commit.interceptor.js';
import { RethrowFilter } from './rethrow.filter.js';

/**
 * Binds a method to a topic: `@Consume(topics.alerts, { group: 'alert' }) onAlerts(batch: Batch<AlertEvent>)`.
 * The method neither commits nor catches: return = done, `PoisonError` = that record to the dead-letter topic, any other error = batch redelivered.
 */
export function Consume<T>(topic: Topic<T>, options: ConsumeOptions) {
  return (target: object, name: string, descriptor: TypedPropertyDescriptor<(batch: Batch<T>) => Promise<void>>): void => {
    applyDecorators(
      SetMetadata(CONSUMES, { topic, options }),
      EventPattern<string>(topic.name, groupTransport(options.group), { topic, options }) as MethodDecorator,
      UseInterceptors(OffsetCommitInterceptor),
      UseFilters(RethrowFilter),
    )(target, name, descriptor);
  };
}
