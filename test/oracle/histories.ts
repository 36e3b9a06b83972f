import type { RuleSet, Strategy } from '../../src/detect/strategy.js';
import type { RawEvent } from '../../src/topics.js';
import type { PartitionHistory } from './detect.js';

/** One partition whose records hold one event each. */
export function historyOf(events: readonly RawEvent[], partition = 0): PartitionHistory {
  return { partition, records: events.map((event, offset) => ({ offset, value: JSON.stringify(event) })) };
}

/** Rule sets 1, 2, 3 … by their strategies. Throws for any other version. */
export function ruleSetsOf(...sets: readonly (readonly Strategy[])[]): (version: number) => RuleSet {
  return (version) => {
    const strategies = sets[version - 1];
    if (!strategies) throw new Error(`no rule set ${version}`);
    return { version, strategies };
  };
}
