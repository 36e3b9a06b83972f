import { z } from 'zod';

/** One setting: how its text becomes a value, what it is when absent, and what it means (docs/settings.md is made from this). */
export interface Setting<T> {
  readonly schema: z.ZodType<T>;
  readonly default: string | undefined;
  readonly means: string;
}

export const textSetting = z.string();
export const count = z.string().regex(/^\d+$/, 'must be an integer').transform(Number);
export const port = count.refine((value) => value <= 65_535, 'must be a port number (0-65535)');
export const positive = count.refine((value) => value >= 1, 'must be at least 1');
export const booleanSetting = z.enum(['true', 'false']).transform((value) => value === 'true');
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
);

export const share = z
  .string()
  .regex(/^(0(\.\d+)?|1(\.0+)?)$/, 'must be a number from 0 to 1')
  .transform(Number);

/** topic=number, separated by commas. */
export const topicCounts = list.transform((parts, context) => {
  const counts = new Map<string, number>();
  for (const part of parts) {
    const [, topic, value] = /^([\w.-]+)=(\d+)$/.exec(part) ?? [];
    if (topic === undefined) context.addIssue({ code: 'custom', message: `${part} must have the form topic=number` });
    else counts.set(topic, Number(value));
  }
  return counts as ReadonlyMap<string, number>;
});

/** topic.property=number, separated by commas. */
export const topicOverrides = list.transform((parts, context) =>
  parts.map((part) => {
    const [, topic = '', property = '', value = ''] =
      /^([\w.-]+)\.(partitions|replication|retention_hours|min_insync_replicas)=(\d+)$/.exec(part) ?? [];
    if (!topic) context.addIssue({ code: 'custom', message: `${part} must have the form topic.property=number` });
    return { topic, property, value: Number(value) };
  }),
);

/** events_per_second or events_per_second:burst. */
export const rate = textSetting
  .regex(/^\d{1,9}(?::\d{1,9})?$/, 'must be events_per_second or events_per_second:burst')
  .transform((value) => {
    const [perSecond, burst] = value.split(':').map(Number) as [number, number?];
    return { events_per_second: perSecond, burst };
  })
  .refine(({ events_per_second, burst = 1 }) => events_per_second > 0 && burst > 0, 'must be above 0');

/** topic=name, separated by commas. */
export const topicNames = <N extends string>(names: readonly N[]) =>
  list.transform((parts, context) => {
    const chosen = new Map<string, N>();
    for (const part of parts) {
      const [, topic = '', name = ''] = /^([\w.-]+)=(\w+)$/.exec(part) ?? [];
      const known = names.find((each) => each === name);
      if (known) chosen.set(topic, known);
      else context.addIssue({ code: 'custom', message: `${part} must have the form topic=name, with one of ${names.join(', ')}` });
    }
    return chosen as ReadonlyMap<string, N>;
  });
export const compressionNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CompressionName = (typeof compressionNames)[number];

export function setting<T>(schema: z.ZodType<T>, byDefault: string | undefined, means: string): Setting<T> {
  return { schema, default: byDefault, means };
}
