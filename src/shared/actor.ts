/** `system`: Tocsin itself acts, without a request. */
export const actorKinds = ['person', 'token', 'system'] as const;

/** Longest name of an actor. */
export const ACTOR_NAME_LENGTH = 128;

/** Originator of a write. Like the time, an actor is an argument of every write. */
export interface Actor {
  readonly kind: (typeof actorKinds)[number];
  /** Of a person: the name in the request. Of the system: the replica, or the file that contains the change. */
  readonly name: string;
}

export const person = (name: string): Actor => ({ kind: 'person', name: name.slice(0, ACTOR_NAME_LENGTH) });
export const system = (name: string): Actor => ({ kind: 'system', name: name.slice(0, ACTOR_NAME_LENGTH) });
