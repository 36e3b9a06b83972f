/** The workload of every benchmark: 100,000 series over 1,000 hosts, about 300 bytes an event, 0.1 % above the threshold. */

export const SERIES = 100_000;

const ANOMALOUS = 0.001;

/** The event number `index`: series taken in turn, one round of all series is ten seconds of event time. */
export function event(index, start) {
  const series = index % SERIES;
  const round = Math.floor(index / SERIES);
  const bad = (series * 2654435761) % 1000 < ANOMALOUS * 1000 && round % 2 === 1;
  return {
    event_id: `bench-${index.toString(36).padStart(10, '0')}`,
    event_type: 'metric',
    bk_biz_id: '2',
    event_source: 'bench',
    timestamp: start + round * 10_000 + (series % 10_000),
    raw_data: {
      metric: 'cpu.usage',
      value: bad ? 97.5 : 20 + (series % 50),
      dimensions: { host: `host-${series % 1000}`, core: `core-${Math.floor(series / 1000)}`, region: 'eu-west-1', rack: `rack-${series % 40}` },
    },
  };
}

/** The strategy that judges it. */
export const strategy = {
  name: 'bench cpu',
  bk_biz_id: '2',
  items: [
    {
      lateness: 0,
      queries: [{ metric: 'cpu.usage', aggregation: 'AVG', interval: 10, dimensions: ['host', 'core'] }],
      algorithms: [{ level: 1, type: 'Threshold', config: [[{ method: 'gte', threshold: 90 }]] }],
    },
  ],
  detects: [{ level: 1, trigger: { count: 1, check_window: 5 }, recovery: { check_window: 5 } }],
};

/** An alert event as Detect publishes it; each its own alert. */
export function alertEvent(index, time) {
  const key = index.toString(16).padStart(32, '0');
  return {
    event_id: `e${key.slice(1)}`,
    alert_id: key,
    alert_key: key,
    transition: 1,
    kind: 'fired',
    reason: 'threshold',
    bk_biz_id: '2',
    strategy_id: 1,
    strategy_version: 1,
    strategy_name: 'bench cpu',
    alert_name: 'bench cpu',
    status: 'ABNORMAL',
    severity: 1,
    target_type: '',
    target: '',
    dimensions: { host: `host-${index}`, core: 'core-1' },
    labels: { host: `host-${index}`, core: 'core-1' },
    annotations: {},
    metric: 'cpu.usage',
    value: 97.5,
    description: 'avg(cpu.usage) >= 90, current value 97.5',
    anomaly_timestamps: [time],
    begin_time: time,
    time,
    source: { topic: 'raw_events', partition: 0, offset: index },
    epoch: 1,
  };
}
