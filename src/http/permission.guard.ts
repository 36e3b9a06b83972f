import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Allow } from './allow.decorator.js';

/** Checks the permission of every request. While no users exist, every declared permission is granted. */
@Injectable()
export class PermissionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return context.getType() !== 'http' || this.reflector.get(Allow, context.getHandler()) !== undefined;
  }
}
