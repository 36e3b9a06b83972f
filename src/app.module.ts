import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AlertConsumerModule, AlertModule } from './alert/alert.module.js';
import { SettingsModule } from './app/settings.module.js';
import type { Config } from './config.js';
import { ConvergeConsumerModule, ConvergeModule } from './converge/converge.module.js';
import type { Database } from './database/database.client.js';
import { DatabaseModule } from './database/database.module.js';
import { DetectConsumerModule, DetectModule } from './detect/detect.module.js';
import { HttpModule } from './http/http.module.js';
import { LogModule } from './log/log.module.js';
import { NoticeDeliveryModule, NoticeModule } from './notice/notice.module.js';
import { OpsModule } from './ops/ops.module.js';
import { PushDeliveryModule, PushModule } from './push/push.module.js';
import { BackgroundModule } from './runtime/background.module.js';
import { RuntimeModule } from './runtime/runtime.module.js';
import { SourcesModule } from './sources/sources.module.js';

/** Objects that are created before Nest starts. */
export interface Foundation {
  readonly config: Config;
  readonly database: Database;
}

type Modules = NonNullable<ModuleMetadata['imports']>;

/** Modules that every role imports. */
export const plumbing = ({ config, database }: Foundation): Modules => [
  SettingsModule.with(config),
  DatabaseModule.with(database),
  LogModule,
  HttpModule,
  RuntimeModule,
  OpsModule,
];

/** The API, the readers and the services of the stages, in the order in which data flows. */
const stages: Modules = [AccessModule, SourcesModule, DetectModule, AlertModule, ConvergeModule, NoticeModule, PushModule];

/** The consumer groups that turn events into alerts, and alerts into groups. */
const judging: Modules = [DetectConsumerModule, AlertConsumerModule, ConvergeConsumerModule];

/** The consumer groups that deliver notices and pushes. Pushes have no consumer unless MESSAGE_QUEUE_DSN is set. */
const sending = ({ MESSAGE_QUEUE_DSN }: Config): Modules => (MESSAGE_QUEUE_DSN ? [NoticeDeliveryModule, PushDeliveryModule] : [NoticeDeliveryModule]);

/** A replica: consumes, delivers and runs the background tasks. */
@Module({})
export class ServerModule {
  static with(foundation: Foundation): DynamicModule {
    return { module: ServerModule, imports: [...plumbing(foundation), ...stages, ...judging, ...sending(foundation.config), BackgroundModule] };
  }
}

/** Handles API requests and nothing else, for commands that work while no replica runs. */
@Module({})
export class ApiOnlyModule {
  static with(foundation: Foundation): DynamicModule {
    return { module: ApiOnlyModule, imports: [...plumbing(foundation), ...stages] };
  }
}

/** A sandbox evaluates the records of its log and sends nothing. Its clock advances only with the records. */
@Module({})
export class SandboxModule {
  static with(foundation: Foundation): DynamicModule {
    return { module: SandboxModule, imports: [...plumbing(foundation), ...stages, ...judging] };
  }
}
