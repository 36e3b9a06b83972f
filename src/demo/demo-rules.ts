import type { StrategyInput } from '../detect/strategy.js';

const quick = { lateness: 1 };
const converge = { group_wait: 3, group_interval: 10 };

/** Strategies of the demo; examples/rules.yaml contains the same strategies in YAML. */
export const demoStrategies: StrategyInput[] = [
  {
    name: 'CPU is busy',
    bk_biz_id: '2',
    scenario: 'os',
    items: [
      {
        ...quick,
        unit: '%',
        queries: [{ metric: 'cpu.usage', aggregation: 'AVG', interval: 5, dimensions: ['host'] }],
        algorithms: [{ level: 2, type: 'Threshold', config: [[{ method: 'gte', threshold: 90 }]] }],
      },
    ],
    detects: [{ level: 2, trigger: { count: 2, check_window: 3 }, recovery: { check_window: 2 } }],
    converge,
  },
  {
    name: 'Disk fills up',
    bk_biz_id: '2',
    scenario: 'os',
    items: [
      {
        ...quick,
        unit: '%',
        queries: [{ metric: 'disk.used', aggregation: 'MAX', interval: 5, dimensions: ['host', 'mount'] }],
        algorithms: [
          { level: 2, type: 'Threshold', config: [[{ method: 'gte', threshold: 85 }]] },
          { level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 95 }]] },
        ],
      },
    ],
    detects: [
      { level: 1, recovery: { check_window: 2 } },
      { level: 2, recovery: { check_window: 2 } },
    ],
    converge,
  },
  {
    name: 'Host does not answer',
    bk_biz_id: '2',
    scenario: 'os',
    items: [
      {
        ...quick,
        unit: '%',
        queries: [{ metric: 'ping.loss', aggregation: 'MIN', interval: 5, dimensions: ['host', 'rack'] }],
        algorithms: [{ level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 100 }]] }],
      },
    ],
    detects: [{ level: 1, recovery: { check_window: 1 } }],
    converge: { ...converge, group_by: ['host'], storm: { threshold: 20, window: 60 } },
  },
];
