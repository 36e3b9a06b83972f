/** Injection token of a boolean: true while the process only answers a command, so that nothing may consume, poll or do duties. */
export const IDLE = Symbol('idle');
