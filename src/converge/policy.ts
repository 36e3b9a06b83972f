import type { Config } from '../config.js';
import type { StrategyReader } from '../detect/strategy.reader.js';

type Strategy = NonNullable<ReturnType<Awaited<ReturnType<StrategyReader['find']>>['get']>>;

/** Grouping and receivers of the alerts of one strategy. Durations are milliseconds. */
export interface Policy {
  readonly groupBy: readonly string[];
  readonly groupWait: number;
  readonly groupInterval: number;
  readonly repeatInterval: number;
  /** More arrivals than this within {@link stormWindow} are a storm; 0 = never. */
  readonly stormThreshold: number;
  readonly stormWindow: number;
  /** Empty = the default receivers. */
  readonly receivers: readonly string[];
}

export type PolicyDefaults = Pick<Config, 'GROUP_WAIT_MS' | 'GROUP_INTERVAL_MS' | 'REPEAT_INTERVAL_MS' | 'STORM_THRESHOLD' | 'STORM_WINDOW_MS'>;

/** The policy of a strategy, whose durations are seconds; for undefined (external alerts, deleted strategies) that of the settings. */
export function policyOf(strategy: Pick<Strategy, 'converge' | 'notice'> | undefined, defaults: PolicyDefaults): Policy {
  const written = strategy?.converge;
  return {
    groupBy: written?.group_by ?? [],
    groupWait: milliseconds(written?.group_wait) ?? defaults.GROUP_WAIT_MS,
    groupInterval: milliseconds(written?.group_interval) ?? defaults.GROUP_INTERVAL_MS,
    repeatInterval: milliseconds(written?.repeat_interval) ?? defaults.REPEAT_INTERVAL_MS,
    stormThreshold: written?.storm?.threshold ?? defaults.STORM_THRESHOLD,
    stormWindow: milliseconds(written?.storm?.window) ?? defaults.STORM_WINDOW_MS,
    receivers: strategy?.notice.receivers ?? [],
  };
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}
