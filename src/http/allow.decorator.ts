import { Reflector } from '@nestjs/core';
import type { Permission } from './permissions.js';

/** Declares the permission that a route needs. A route without one is an error at start. */
export const Allow = Reflector.createDecorator<Permission>();
