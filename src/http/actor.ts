import { type Actor, person } from '../shared/actor.js';

/** Name of the actor of a request that names none. */
export const UNNAMED = 'api';

/** The parts of a request that may name its actor. */
export interface ActorRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: unknown;
}

/** The actor of a request: the field `by` of its body, else the header `X-User`, else {@link UNNAMED}. */
export function actorOf({ headers, body }: ActorRequest): Actor {
  const by = typeof body === 'object' && body !== null ? (body as { by?: unknown }).by : undefined;
  return person(nameIn(by) ?? nameIn(headers['x-user']) ?? UNNAMED);
}

function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
