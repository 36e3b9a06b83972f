import { plan, planDefaults, planFlaws, type PlanInput } from './plan.js';

/** A day of 864 million events: 10 000 a second, 50 000 at the peak. */
const site: PlanInput = { ...planDefaults, events_per_day: 864_000_000 };
const step = (input: PlanInput, name: string): number => plan(input).steps.find((each) => each.name === name)!.value;

describe('by hand', () => {
  it('10 000 events a second come to 50 000 at a peak of five times', () => {
    expect(step(site, 'events per second, mean')).toBe(10_000);
    expect(step(site, 'events per second, peak')).toBe(50_000);
  });

  it('an event of 300 bytes, ten in a record, is (300 + 7) / 4 = 76.75 bytes in the log', () => {
    expect(step(site, 'event size in the log')).toBe(76.75);
  });

  it('bandwidth: 50 000 * 76.75 and 50 000 * 1 % * 1500 * 3 / 4, three copies on three brokers', () => {
    // raw 3 837 500, alerts 562 500
    expect(plan(site).in_bytes_per_second).toBe(4_400_000);
    // (3 837 500 * 3 + 562 500 * (4/3 + 2)) / 3 = (11 512 500 + 1 875 000) / 3
    expect(plan(site).out_bytes_per_second).toBe(4_462_500);
  });

  it('disk: 864e6 * (76.75 + 11.25) a day, three days, three copies on three brokers, 40 % free', () => {
    // 76.032e9 a day * 3 = 228.096e9 used; / 0.6 = 380.16e9
    expect(plan(site).disk_bytes_per_broker).toBe(380_160_000_000);
  });

  it('replicas: (50 000 / 40 000 + 50 000 / 60 000 + 500 / 2500) / 0.5 = 4.57 cores, so 5, and one to spare', () => {
    expect(step(site, 'CPU cores at peak')).toBeCloseTo(4.5667, 3);
    expect(plan(site).replicas).toBe(6);
  });

  it('partitions: 15.35 MB/s before compression need 3, six replicas twice as many twice over need 24', () => {
    // 50 000 * 307 = 15 350 000; / 5 242 880 = 2.93
    expect(step(site, 'partitions for throughput')).toBe(3);
    expect(step(site, 'partitions for replicas')).toBe(24);
    expect(plan(site).partitions).toBe(24);
  });

  it('a small site gets the least: one replica and one to spare, twelve partitions', () => {
    const small = plan({ ...planDefaults, events_per_day: 1_000_000, replication: 1, brokers: 1 });
    expect([small.replicas, small.partitions]).toEqual([2, 12]);
    // 1e6 * 88 * 3 / 0.6
    expect(small.disk_bytes_per_broker).toBe(440_000_000);
    expect(small.warnings.join()).toContain('replication 1');
  });

  it('topics get room for the replicas that are aimed at', () => {
    expect(plan({ ...site, target_replicas: 20 }).partitions).toBe(48);
  });
});

it('every step shows its formula with its numbers (O8)', () => {
  expect(plan(site).steps[1]).toEqual({
    name: 'events per second, peak',
    formula: 'mean * peak_factor',
    worked: '10000 * 5 = 50000',
    value: 50_000,
    unit: 'events/s',
  });
});

it('says what to type', () => {
  expect(plan(site).commands[0]).toBe('tocsin topics create raw_events --partitions 24 --replication 3 --retention 72h --min-insync 2');
  expect(plan(site).settings).toEqual({
    TOPIC_PARTITIONS: '24',
    TOPIC_REPLICATION: '3',
    TOPIC_RETENTION_HOURS: '72',
    TOPIC_MIN_INSYNC_REPLICAS: '2',
  });
});

it('takes no input that cannot be', () => {
  expect(planFlaws(site)).toEqual([]);
  const flaws = planFlaws({ ...site, events_per_day: 0, peak_factor: 0.5, replication: 5, disk_reserve: 1, brokers: 2.5, event_bytes: NaN });
  expect(flaws).toEqual([
    'peak_factor must be at least 1',
    'event_bytes must be a number',
    'events_per_day must be more than 0',
    'brokers must be an integer',
    'disk_reserve must be below 0.95',
    'replication 5 requires 5 brokers, not 2.5',
  ]);
});
