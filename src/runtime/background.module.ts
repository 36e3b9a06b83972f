import { Module } from '@nestjs/common';
import { DecoratorsModule } from '../shared/discovery.module.js';
import { BackgroundRunner } from './background-runner.service.js';
import { RuntimeModule } from './runtime.module.js';

/** Background work: leader-elected and periodic tasks of all modules. A process without this module runs none of them. */
@Module({ imports: [DecoratorsModule, RuntimeModule], providers: [BackgroundRunner] })
export class BackgroundModule {}
