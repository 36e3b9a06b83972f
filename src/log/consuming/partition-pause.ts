import type { ErrorCode } from '../../shared/errors.js';

/** Why a partition of a group does not go on. */
export interface PartitionPause {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** `paused` by command, `stopped` by the consumer itself. */
  readonly kind: 'paused' | 'stopped';
  /** Of a stop: T6101, T6102 or T6103. */
  readonly code: ErrorCode | null;
  readonly why: string;
  readonly by: string;
  readonly at: number;
  /** When it ends by itself (epoch ms). */
  readonly until: number | null;
}
