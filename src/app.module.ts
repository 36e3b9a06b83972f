import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AlertModule } from './alert/alert.module.js';
import type { Config } from './config.js';
import { ConvergeModule } from './converge/converge.module.js';
import { DetectModule } from './detect/detect.module.js';
import { NoticeModule } from './notice/notice.module.js';
import { type Platform, PlatformModule } from './app/platform.module.js';

import { PushModule } from './push/push.module.js';
import { SourcesModule } from './sources/sources.module.js';

/** The stages in the order in which data flows. */
@Module({ imports: [AccessModule, SourcesModule, DetectModule, AlertModule, ConvergeModule, NoticeModule, PushModule] })
export class AppModule {
  static with(platform: Platform): DynamicModule {
    return { module: AppModule, imports: [PlatformModule.with(platform)] };
  }
}

/** What a sandbox runs: up to alerts and their groups. Nobody there tells anybody anything. */
export const sandboxGroups = ['detect', 'alert', 'converge'] as const;

/** Consumer groups of the stages; each gets a transport of its own. Nobody reads for queues that the settings do not name. */
export const consumerGroups = ({ MESSAGE_QUEUE_DSN }: Pick<Config, 'MESSAGE_QUEUE_DSN'>): readonly string[] =>
  MESSAGE_QUEUE_DSN ? ['detect', 'alert', 'converge', 'notice', 'push'] : ['detect', 'alert', 'converge', 'notice'];
