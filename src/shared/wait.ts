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
