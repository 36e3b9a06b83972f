import type { FaultTexts } from '../log/consuming/position-fault.js';
import type { KafkaDefinition } from '../access/registry/source.js';

/**
 * The first record of a partition that was never read before: the first one at or after a time (ms), or the oldest that is there. `latest` means since
 * the source was declared, so that partitions and topics which appear later lose nothing.
 */
export function startPosition(start: KafkaDefinition['start'], declaredAt: number): 'earliest' | { readonly timestamp: number } {
  if (start === 'earliest') return 'earliest';
  return start === 'latest' ? { timestamp: declaredAt } : start;
}

/** How the fault of a position on an external cluster is worded. */
export const clusterFaultTexts: FaultTexts = {
  aheadOfLog: (position, end) => `position ${position} is beyond the log end offset ${end}; the topic was probably recreated`,
  recordsMissing: (from, to) => `records ${from} to ${to} were deleted on the cluster`,
};
