import type { PartitionOffsets } from '../log/event-log.js';
import type { KafkaDefinition } from '../access/registry/source.js';

/**
 * From which record a partition is read that was never read before: the first one at or after a time (ms), or the oldest that is there.
 * `latest` means since the source was declared, so that partitions and topics which appear later lose nothing.
 */
export function startPosition(start: KafkaDefinition['start'], declaredAt: number): 'earliest' | { readonly timestamp: number } {
  if (start === 'earliest') return 'earliest';
  return start === 'latest' ? { timestamp: declaredAt } : start;
}

/** Why a position cannot be gone on from, or undefined. */
export function positionFault(
  position: number,
  { low, high }: PartitionOffsets,
): { readonly code: 'T6101' | 'T6102'; readonly why: string } | undefined {
  if (position > high) return { code: 'T6102', why: `position ${position} is beyond the log end offset ${high}; the topic was probably recreated` };
  if (position < low) return { code: 'T6101', why: `records ${position} to ${low - 1} were deleted on the cluster` };
  return undefined;
}
