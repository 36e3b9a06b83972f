/**
 * Why a listener accepts no records of a partition now: an operator has paused it, a fault has halted it, it could not be claimed, or too
 * many of its records are in flight (`backpressure`). A deferral is not a failure; the client calls the listener again after a backoff.
 */
export interface Deferral {
  readonly reason: 'paused' | 'halted' | 'not claimed' | 'backpressure';
  readonly why: string;
}

/** Distinguishes a deferral from the other objects that a step of a consumer returns. */
export const isDeferral = (value: object): value is Deferral => 'reason' in value && 'why' in value;
