import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Actor } from '../shared/actor.js';
import { type ActorRequest, actorOf } from './actor.js';

/** The {@link Actor} of a request, as a parameter of its handler: `@By() actor: Actor`. */
export const By = createParamDecorator((_data: undefined, context: ExecutionContext): Actor =>
  actorOf(context.switchToHttp().getRequest<ActorRequest>()),
);
