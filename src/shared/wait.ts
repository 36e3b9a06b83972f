import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, and at once when the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  // It rejects with nothing but the abort.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** What `work` gives; rejects after `ms` with what `late` makes. The work itself is not stopped by that. */
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
