import { z } from 'zod';

const events = z.number().int().positive();
const roundMs = z.number().nonnegative();

/** What scripts/chaos.mjs hands over in the variable CHAOS. */
const options = z.strictObject({
  /** The built program, `main.js`. */
  binary: z.string(),
  /** Where the logs of the replicas and the evidence of a failed run are kept. */
  folder: z.string(),
  seed: z.number().int(),
  restMs: z.number(),
  crash: z.array(
    z.strictObject({
      mode: z.enum(['embedded', 'distributed']),
      events,
      kills: z.number().int().nonnegative(),
      freezes: z.number().int().nonnegative(),
      roundMs,
    }),
  ),
  scale: z.array(z.strictObject({ events, roundMs, restarts: z.number().int().min(1).max(4) })),
  brokers: z.string().optional(),
  databaseUrl: z.string().optional(),
});
export type ChaosOptions = z.infer<typeof options>;

/** Throws when the run was not started by scripts/chaos.mjs. */
export function chaosOptions(env: Readonly<Record<string, string | undefined>>): ChaosOptions {
  if (!env['CHAOS']) throw new Error('start me with `npm run chaos`');
  return options.parse(JSON.parse(env['CHAOS']));
}
