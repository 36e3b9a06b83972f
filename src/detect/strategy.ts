import { z } from 'zod';
import { bodySchema, parseRequest } from '../shared/parse.js';
import { algorithms } from './algorithms/algorithms.js';
import { comparisons } from './comparisons.js';

const level = z.union([z.literal(1), z.literal(2), z.literal(3)], { error: 'must be 1 (fatal), 2 (warning) or 3 (remind)' });
const seconds = z.number().int().min(1);

export const aggregations = ['AVG', 'SUM', 'MIN', 'MAX', 'COUNT', 'LAST'] as const;

const condition = z.strictObject({
  key: z.string().min(1),
  method: z.enum([...comparisons, 'include', 'exclude']),
  value: z.array(z.union([z.string(), z.number().transform(String)])).min(1),
  /** Connector to the conditions before it. */
  condition: z.enum(['and', 'or']).default('and'),
});

const query = z.strictObject({
  alias: z.string().default('a'),
  data_type: z.enum(['metric', 'event', 'log']).default('metric'),
  /** Metric name; for events the event name, for logs the event source. */
  metric: z.string().min(1).max(256),
  aggregation: z.enum(aggregations),
  /** Window in seconds. */
  interval: seconds.max(86_400).default(60),
  dimensions: z.array(z.string().min(1)).max(16).default([]),
  conditions: z.array(condition).max(32).default([]),
});

type Algorithms = typeof algorithms;
/** The entry of a strategy that configures the algorithm `Name`. */
type ConfiguredSchema = {
  [Name in keyof Algorithms]: z.ZodObject<{ level: typeof level; type: z.ZodLiteral<Name>; config: Algorithms[Name]['schema'] }, z.core.$strict>;
}[keyof Algorithms];

/** One schema per line of the table of algorithms. */
const configured = Object.entries(algorithms).map(([name, { schema }]) =>
  z.strictObject({ level, type: z.literal(name), config: schema }),
) as unknown as [ConfiguredSchema, ...ConfiguredSchema[]];

const item = z.strictObject({
  name: z.string().max(128).default(''),
  queries: z.array(query).length(1, 'must hold exactly one query'),
  /** Unit for display, such as % or ms. */
  unit: z.string().max(32).default(''),
  /** Seconds for which a window stays open for late points. */
  lateness: z.number().int().min(0).max(3600).default(10),
  algorithms: z.array(z.discriminatedUnion('type', configured)).min(1),
});

const detect = z.strictObject({
  level,
  connector: z.enum(['and', 'or']).default('and'),
  trigger: z
    .strictObject({ count: z.number().int().min(1).max(1024), check_window: z.number().int().min(1).max(1024) })
    .refine(({ count, check_window }) => count <= check_window, 'count must not be greater than check_window')
    .default({ count: 1, check_window: 1 }),
  recovery: z
    .strictObject({ check_window: z.number().int().min(1).max(1024).default(5), status_setter: z.enum(['recovery', 'close']).default('recovery') })
    .default({ check_window: 5, status_setter: 'recovery' }),
});

const converge = z.strictObject({
  /** Dimensions (labels) by which alerts are grouped; one group each by default. */
  group_by: z.array(z.string().min(1)).optional(),
  /** Seconds; defaults are the settings GROUP_WAIT_MS and so on. */
  group_wait: z.number().min(0).optional(),
  group_interval: z.number().min(1).optional(),
  repeat_interval: z.number().min(1).optional(),
  storm: z.strictObject({ threshold: z.number().int().min(0), window: seconds }).optional(),
});

const strategy = z
  .strictObject({
    name: z.string().min(1).max(128),
    bk_biz_id: z.union([z.string().min(1), z.number().int().transform(String)]),
    scenario: z.string().max(64).default('other'),
    labels: z.record(z.string(), z.string()).default({}),
    priority: z.number().int().nullable().default(null),
    is_enabled: z.boolean().default(true),
    items: z.array(item).length(1, 'must hold exactly one item'),
    detects: z.array(detect).min(1).max(3),
    converge: converge.default({}),
    notice: z.strictObject({ receivers: z.array(z.string().min(1)).default([]) }).default({ receivers: [] }),
  })
  .superRefine((strategy, context) => {
    const levels = new Set<number>();
    strategy.detects.forEach((each, index) => {
      if (levels.has(each.level)) context.addIssue({ code: 'custom', path: ['detects', index, 'level'], message: 'each level may appear once' });
      levels.add(each.level);
      if (!strategy.items[0]?.algorithms.some((algorithm) => algorithm.level === each.level)) {
        context.addIssue({ code: 'custom', path: ['detects', index, 'level'], message: `no algorithm has level ${each.level}` });
      }
    });
    strategy.items[0]?.algorithms.forEach((algorithm, index) => {
      if (!levels.has(algorithm.level)) {
        context.addIssue({ code: 'custom', path: ['items', 0, 'algorithms', index, 'level'], message: `detects has no level ${algorithm.level}` });
      }
    });
  });

/** A strategy as users write it. Unknown fields are rejected, so that a misspelt name is an error. */
export const strategySchema = bodySchema(strategy, {
  code: 'T2001',
  whole: '(root)',
  example: {
    name: 'disk almost full',
    bk_biz_id: '2',
    items: [
      {
        queries: [{ metric: 'disk_used_percent', aggregation: 'AVG', interval: 60, dimensions: ['host', 'mount'] }],
        algorithms: [{ level: 2, type: 'Threshold', config: [[{ method: 'gte', threshold: 90 }]] }],
      },
    ],
    detects: [{ level: 2, trigger: { count: 3, check_window: 5 } }],
  },
});

/** A strategy as the API answers it. */
export const strategyResponse = strategy.safeExtend({ id: z.number(), version: z.number() });

export const strategyVersionsResponse = z.object({
  versions: z.array(
    z.object({
      version: z.number(),
      rules_version: z.number(),
      changed_by: z.string(),
      changed_at: z.number(),
      body: strategy.nullable().describe('null: this version deletes the strategy'),
    }),
  ),
});

export type StrategyInput = z.input<typeof strategySchema>;
export type StrategyBody = z.output<typeof strategySchema>;
export type Condition = z.output<typeof condition>;
export type Query = z.output<typeof query>;
export type Level = 1 | 2 | 3;

/** A stored strategy: what the user wrote, its id, and its version (1, 2, 3 … of this strategy). */
export interface Strategy extends StrategyBody {
  readonly id: number;
  readonly version: number;
}

/** A version of a strategy, and who wrote it. */
export interface StrategyVersion {
  readonly version: number;
  readonly rules_version: number;
  readonly changed_by: string;
  readonly changed_at: number;
  /** null when this version is the deletion. */
  readonly body: StrategyBody | null;
}

/** All strategies at one version of the rule set. */
export interface RuleSet {
  readonly version: number;
  readonly strategies: readonly Strategy[];
}

/** Validates a strategy. Throws {@link TocsinError} T2001 whose details name every invalid field and why. */
export function parseStrategy(value: unknown): StrategyBody {
  return parseRequest(strategySchema, value);
}
