import { Module } from '@nestjs/common';
import { DecoratorsModule } from '../shared/discovery.module.js';
import { BackgroundRunner } from './background-runner.service.js';
import { RuntimeModule } from './runtime.module.js';

/** The work that nobody asks for: leader-elected and periodic tasks of all modules. A process without this module does none of it. */
@Module({ imports: [DecoratorsModule, RuntimeModule], providers: [BackgroundRunner] })
export class BackgroundModule {}
