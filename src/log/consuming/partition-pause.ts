import type { ErrorCode } from '../../shared/errors.js';

/** A pause or halt of one partition of a group. */
export interface PartitionPause {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** `paused` by an operator's command, `stopped` (halted) by the consumer itself. */
  readonly kind: 'paused' | 'stopped';
  /** Error code of a halt: T6101, T6102 or T6103. */
  readonly code: ErrorCode | null;
  readonly why: string;
  readonly by: string;
  readonly at: number;
  /** Time of expiry (epoch ms). */
  readonly until: number | null;
}
