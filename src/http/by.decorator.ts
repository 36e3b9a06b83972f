import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Actor } from '../shared/actor.js';
import { type ActorRequest, actorOf, UNNAMED } from './actor.js';

const documented = ApiHeader({
  name: 'X-User',
  required: false,
  description: `Who acts, for the audit; the field \`by\` of the body wins; default: ${UNNAMED}`,
});

/** The {@link Actor} of a request, as a parameter of its handler: `@By() actor: Actor`. */
export const By = createParamDecorator(
  (_data: undefined, context: ExecutionContext): Actor => actorOf(context.switchToHttp().getRequest<ActorRequest>()),
  [
    (target, key) => {
      if (key !== undefined) documented(target, key, Object.getOwnPropertyDescriptor(target, key)!);
    },
  ],
);
