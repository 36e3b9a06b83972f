import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Database } from './database.client.js';

/** The database that the process has opened, for every module. */
@Global()
@Module({})
export class DatabaseModule {
  static with(database: Database): DynamicModule {
    return { module: DatabaseModule, providers: [{ provide: Database, useValue: database }], exports: [Database] };
  }
}
