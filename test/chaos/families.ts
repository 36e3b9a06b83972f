import type { StrategyInput } from '../../src/detect/strategy.js';

/** How bad a series is at the moment. */
export type Mood = 'calm' | 'warning' | 'fatal';

type Algorithms = StrategyInput['items'][number]['algorithms'];
type Query = StrategyInput['items'][number]['queries'][number];

/** Series of one kind in every business, and the strategy that looks at them. */
export interface Family {
  readonly name: string;
  /** Series in each business. */
  readonly series: number;
  readonly query: Query;
  readonly lateness: number;
  readonly algorithms: Algorithms;
  readonly detects: StrategyInput['detects'];
  readonly converge?: StrategyInput['converge'];
  readonly notice?: StrategyInput['notice'];
  readonly dimensions: (index: number) => Record<string, string>;
  /** A value of the mood; `random` is in [0, 1). Events and logs have none: their mood is how many come. */
  readonly value: (mood: Mood, random: number) => number;
}

const at = (level: 1 | 2 | 3, method: 'gt' | 'gte' | 'lt' | 'lte', threshold: number): Algorithms[number] => ({
  level,
  type: 'Threshold',
  config: [[{ method, threshold }]],
});

const host = (index: number): string => `host-${index}`;
const rises = (mood: Mood, random: number): number => ({ calm: 10, warning: 82, fatal: 96 })[mood] + Math.round(random * 300) / 100;

/** Name of the only receiver: one family names it, the others reach it by default. */
export const RECEIVER = 'everybody';

const metricFamilies: readonly Family[] = [
  {
    name: 'cpu',
    series: 80,
    query: { metric: 'chaos.cpu', aggregation: 'AVG', interval: 1, dimensions: ['host', 'zone'] },
    lateness: 2,
    algorithms: [at(2, 'gte', 80), at(1, 'gte', 95)],
    detects: [
      { level: 2, trigger: { count: 2, check_window: 3 }, recovery: { check_window: 3 } },
      { level: 1, trigger: { count: 1, check_window: 1 }, recovery: { check_window: 2 } },
    ],
    converge: { group_by: ['zone'] },
    dimensions: (index) => ({ host: host(index), zone: `zone-${index % 8}` }),
    value: rises,
  },
  {
    name: 'disk',
    series: 40,
    query: {
      metric: 'chaos.disk',
      aggregation: 'MAX',
      interval: 10,
      dimensions: ['host', 'mount'],
      conditions: [
        { key: 'mount', method: 'neq', value: ['/tmp'] },
        { key: 'keep', method: 'eq', value: ['yes'], condition: 'or' },
      ],
    },
    lateness: 0,
    algorithms: [at(2, 'gt', 80)],
    detects: [{ level: 2, recovery: { check_window: 2 } }],
    converge: { group_by: ['mount'] },
    dimensions: (index) => ({ host: host(index >> 2), mount: ['/', '/var', '/tmp', '/srv'][index % 4]!, keep: index % 8 === 2 ? 'yes' : 'no' }),
    value: rises,
  },
  {
    name: 'traffic',
    series: 40,
    query: { metric: 'chaos.traffic', aggregation: 'SUM', interval: 2, dimensions: ['host', 'device'] },
    lateness: 4,
    algorithms: [at(3, 'gte', 80)],
    detects: [{ level: 3, trigger: { count: 2, check_window: 2 }, recovery: { check_window: 1, status_setter: 'close' } }],
    notice: { receivers: [RECEIVER] },
    dimensions: (index) => ({ host: host(index), device: 'eth0' }),
    value: rises,
  },
  {
    name: 'ping',
    series: 50,
    query: { metric: 'chaos.ping', aggregation: 'MIN', interval: 5, dimensions: ['host', 'rack'] },
    lateness: 0,
    algorithms: [at(1, 'lt', 1)],
    detects: [{ level: 1, trigger: { count: 3, check_window: 5 }, recovery: { check_window: 3 } }],
    converge: { group_by: ['rack'], storm: { threshold: 12, window: 5 } },
    dimensions: (index) => ({ host: host(index), rack: `rack-${index % 5}` }),
    value: (mood) => (mood === 'calm' ? 1 : 0),
  },
  {
    name: 'latency',
    series: 30,
    query: { metric: 'chaos.latency', aggregation: 'LAST', interval: 3, dimensions: ['service'] },
    lateness: 1,
    algorithms: [at(2, 'gte', 80), at(2, 'lte', 98), at(1, 'gt', 97), at(1, 'lt', 0)],
    detects: [
      { level: 2, connector: 'and', trigger: { count: 2, check_window: 4 }, recovery: { check_window: 2 } },
      { level: 1, connector: 'or', trigger: { count: 1, check_window: 2 }, recovery: { check_window: 2 } },
    ],
    dimensions: (index) => ({ service: `service-${index}` }),
    value: rises,
  },
];

const countedFamilies: readonly Family[] = [
  {
    name: 'reboot',
    series: 10,
    query: { data_type: 'event', metric: 'chaos.reboot', aggregation: 'COUNT', interval: 5, dimensions: ['host'] },
    lateness: 0,
    algorithms: [at(2, 'gte', 2)],
    detects: [{ level: 2, recovery: { check_window: 2 } }],
    dimensions: (index) => ({ host: host(index) }),
    value: () => 0,
  },
  {
    name: 'errors',
    series: 10,
    query: { data_type: 'log', metric: 'chaos.log', aggregation: 'COUNT', interval: 4, dimensions: ['app'] },
    lateness: 0,
    algorithms: [at(3, 'gte', 2), at(2, 'gte', 3)],
    detects: [
      { level: 3, trigger: { count: 2, check_window: 3 }, recovery: { check_window: 2 } },
      { level: 2, recovery: { check_window: 2 } },
    ],
    converge: { group_by: ['app'] },
    dimensions: (index) => ({ app: `app-${index}` }),
    value: () => 0,
  },
];

export const families: readonly Family[] = [...metricFamilies, ...countedFamilies];

/** As keys they reach each of four and each of six partitions. */
export const businesses: readonly string[] = Array.from({ length: 8 }, (_, index) => String(1 + index));

/** The strategy of a family in a business, as the API takes it. */
export function strategyOf(family: Family, business: string): StrategyInput {
  return {
    name: `chaos ${family.name}`,
    bk_biz_id: business,
    items: [{ queries: [family.query], lateness: family.lateness, algorithms: family.algorithms }],
    detects: family.detects,
    ...(family.converge && { converge: family.converge }),
    ...(family.notice && { notice: family.notice }),
  };
}
