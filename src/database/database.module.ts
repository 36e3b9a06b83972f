import { type DynamicModule, Global, Module } from '@nestjs/common';
import { AuditService } from './audit.service.js';
import { Database } from './database.client.js';

/** Provides the open database and the audit service to every module. */
@Global()
@Module({})
export class DatabaseModule {
  static with(database: Database): DynamicModule {
    return { module: DatabaseModule, providers: [{ provide: Database, useValue: database }, AuditService], exports: [Database, AuditService] };
  }
}
