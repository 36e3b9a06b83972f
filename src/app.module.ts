import { type DynamicModule, Module } from '@nestjs/common';
import { AccessModule } from './access/access.module.js';
import { AlertModule } from './alert/alert.module.js';
import { ConvergeModule } from './converge/converge.module.js';
import { DetectModule } from './detect/detect.module.js';
import { type Platform, PlatformModule } from './platform.module.js';

/** The stages in the order in which data flows. */
@Module({ imports: [AccessModule, DetectModule, AlertModule, ConvergeModule] })
export class AppModule {
  static with(platform: Platform): DynamicModule {
    return { module: AppModule, imports: [PlatformModule.with(platform)] };
  }
}

/** Consumer groups of the stages; each gets a transport of its own. */
export const consumerGroups = ['detect', 'alert', 'converge', 'notice'] as const;
