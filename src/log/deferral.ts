/**
 * Why a listener takes no records of a partition now: an operator has paused it, a fault has halted it, it could not be claimed, or enough of its
 * records are in flight (`backpressure`). It is no failure; the listener is asked again after a backoff.
 */
export interface Deferral {
  readonly reason: 'paused' | 'halted' | 'not claimed' | 'backpressure';
  readonly why: string;
}

/** Tells a deferral from any other object that a step of a consumer returns. */
export const isDeferral = (value: object): value is Deferral => 'reason' in value && 'why' in value;
