import type { ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { type Foundation, plumbing } from '../../src/app.module.js';
import { EventLog } from '../../src/log/event-log.js';
import { BackgroundModule } from '../../src/runtime/background.module.js';

/** What a test has opened. */
export interface Parts extends Foundation {
  readonly eventLog: EventLog;
}

/** The plumbing of a replica on the log and the database of a test, with its background work, and whatever modules or controllers the test is about. */
export function compose({ config, database, eventLog }: Parts, { imports = [], controllers = [] }: ModuleMetadata): Promise<TestingModule> {
  return Test.createTestingModule({ imports: [...plumbing({ config, database }), BackgroundModule, ...imports], controllers })
    .overrideProvider(EventLog)
    .useValue(eventLog)
    .compile();
}
