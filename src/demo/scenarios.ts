/** A metric event as a sender posts it. */
export interface Measurement {
  readonly event_type: 'metric';
  readonly bk_biz_id: string;
  readonly event_source: string;
  readonly timestamp: number;
  readonly raw_data: { readonly metric: string; readonly value: number; readonly dimensions: Readonly<Record<string, string>> };
}

/** One scenario of the simulated site: returns the measurements `second` seconds after the start. Deterministic. */
export type Scenario = (second: number, now: number) => Measurement[];

const BUSINESS = '2';

function measure(now: number, metric: string, value: number, dimensions: Record<string, string>): Measurement {
  const rounded = Math.round(value * 10) / 10;
  return { event_type: 'metric', bk_biz_id: BUSINESS, event_source: 'demo', timestamp: now, raw_data: { metric, value: rounded, dimensions } };
}

/** Deterministic pseudo-random number in [0, 1). */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43_758.5453;
  return x - Math.floor(x);
}

/** Eight healthy web servers, of which web-3 has a high CPU load from time to time. */
export const busyHost: Scenario = (second, now) =>
  Array.from({ length: 8 }, (_, index) => {
    const busy = index === 2 && second % 90 >= 20 && second % 90 < 55;
    return measure(now, 'cpu.usage', busy ? 93 + 5 * noise(second) : 20 + 40 * noise(second + index * 1000), { host: `web-${index + 1}` });
  });

/** The disk of db-1 fills slowly: first a warning, then fatal; after two minutes it is cleaned up. */
export const diskFillsSlowly: Scenario = (second, now) => [
  measure(now, 'disk.used', Math.min(99, 78 + (second % 120) * 0.45), { host: 'db-1', mount: '/var/lib/mysql' }),
];

/** edge-3 alternates between ten seconds with and ten seconds without ping replies. */
export const flappingPing: Scenario = (second, now) => [
  measure(now, 'ping.loss', Math.floor(second / 10) % 2 === 1 ? 100 : 0, { host: 'edge-3', rack: 'rack-1' }),
];

/** An outage of the switch of rack-7 makes its hosts unreachable, for forty seconds in every two minutes. */
export const switchTakesHosts =
  (hosts: number): Scenario =>
  (second, now) => {
    const down = second % 120 >= 15 && second % 120 < 55;
    return Array.from({ length: hosts }, (_, index) => measure(now, 'ping.loss', down ? 100 : 0, { host: `node-${index + 1}`, rack: 'rack-7' }));
  };

/** All scenarios of the demo. */
export const site: readonly Scenario[] = [busyHost, diskFillsSlowly, flappingPing, switchTakesHosts(60)];
