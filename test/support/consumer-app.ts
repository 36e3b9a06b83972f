import { Controller, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { type Config, parseConfig } from '../../src/config.js';
import type { Batch } from '../../src/log/consuming/batch.js';
import { Consume } from '../../src/log/consuming/consume.decorator.js';
import { Consumers } from '../../src/log/consuming/consumers.service.js';
import type { ConsumeOptions } from '../../src/log/consuming/groups.js';
import type { LogServer } from '../../src/log/consuming/log-server.service.js';
import type { Topic } from '../../src/topics.js';
import { PoisonError } from '../../src/shared/errors.js';
import { compose, type Parts } from './compose.js';

export interface Note {
  readonly id: string;
}

const schema = z.looseObject({ id: z.string() });

/** A topic for tests: messages with an id. */
export function aNoteTopic(name: string): Topic<Note> {
  return {
    name,
    keyedBy: 'id',
    schema,
    key: ({ id }) => id,
    parse(value) {
      const result = schema.safeParse(value);
      if (!result.success) throw new PoisonError('T6003', result.error.issues[0]!.message);
      return result.data;
    },
  };
}

export interface ConsumerApp {
  readonly app: INestApplication;
  readonly server: LogServer;
  close(): Promise<void>;
}

/** A Nest application with nothing but the plumbing and one handler, bound by the real decorator and run by the real transport. */
export async function aConsumerApp(
  parts: Omit<Parts, 'config'> & { config?: Partial<Config> },
  topic: Topic<Note>,
  options: ConsumeOptions,
  handle: (batch: Batch<Note>) => Promise<void>,
): Promise<ConsumerApp> {
  @Controller()
  class Handler {
    @Consume(topic, options)
    onNotes(batch: Batch<Note>): Promise<void> {
      return handle(batch);
    }
  }
  const config = { ...parseConfig({}), ...parts.config };
  const composed = await compose({ ...parts, config }, { controllers: [Handler] });
  const app = composed.createNestApplication(new FastifyAdapter(), { logger: ['error'] });
  const server = app.get(Consumers).server(options.group);
  app.connectMicroservice({ strategy: server });
  await app.init();
  await app.startAllMicroservices();
  return { app, server, close: () => app.close() };
}
