import { Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { PermissionCheck } from './permission-check.service.js';
import { PermissionGuard } from './permission.guard.js';

/** Permissions of the HTTP API. */
@Module({ imports: [DiscoveryModule], providers: [{ provide: APP_GUARD, useClass: PermissionGuard }, PermissionCheck] })
export class HttpModule {}
