import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Config } from '../config.js';

/** Provides the settings to every module. */
@Global()
@Module({})
export class SettingsModule {
  static with(config: Config): DynamicModule {
    return { module: SettingsModule, providers: [{ provide: Config, useValue: config }], exports: [Config] };
  }
}
