import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, and at once when the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  // The only possible rejection is the abort.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Resolves with the result of `work`; rejects after `ms` with the error that `late` creates. The work itself is not cancelled. */
export async function within<T>(ms: number, work: Promise<T>, late = () => new Error(`timed out after ${ms} ms`)): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(late()), ms)));
  try {
    return await Promise.race([work, passed]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves true when the work settles, either way, and false after `ms`. Unlike {@link within} it never rejects. */
export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const done = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, timedOut]);
  } finally {
    clearTimeout(timer);
  }
}
