import type { FaultTexts } from '../log/consuming/position-fault.js';
import type { KafkaDefinition } from '../access/registry/source.js';

/**
 * Start of a partition that has never been read: the first record at or after a time (ms), or the oldest record. `latest` means the time at which
 * the source was declared, so that no record of a partition or topic created later is skipped.
 */
export function startPosition(start: KafkaDefinition['start'], declaredAt: number): 'earliest' | { readonly timestamp: number } {
  if (start === 'earliest') return 'earliest';
  return start === 'latest' ? { timestamp: declaredAt } : start;
}

/** Messages for an invalid position on an external cluster. */
export const clusterFaultTexts: FaultTexts = {
  aheadOfLog: (position, end) => `position ${position} is beyond the log end offset ${end}; the topic was probably recreated`,
  recordsMissing: (from, to) => `records ${from} to ${to} were deleted on the cluster`,
};
