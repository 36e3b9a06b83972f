import type { ConvergedAlert } from '../topics.js';
import type { Receiver } from './receiver.js';

/** Why a receiver is not notified. */
export type NotSentReason =
  /** The group names no receiver, and no default receiver is enabled. */
  | 'no_receiver'
  | 'unknown_receiver'
  | 'receiver_disabled'
  /** Resolved alerts, and `send_resolved` is false. */
  | 'resolved_not_wanted'
  /** All alerts are resolved, and the receiver was not notified that they fired. */
  | 'never_notified'
  /** A later message of the group, which includes this one, was received before. */
  | 'overtaken';

/** Earlier notices of one group to a receiver. */
export interface NotificationHistory {
  /** Highest sequence number so far. */
  readonly latest: number;
  /** A firing message was sent or is pending. */
  readonly notified: boolean;
}

export interface DispatchDecision {
  /** Name of the receiver; empty when there is none. */
  readonly receiver: string;
  /** Absent: notify the receiver. */
  readonly notSent?: NotSentReason;
}

/** Receivers of a message, and why others are not notified. Never empty, so that every message leaves a row. */
export function dispatch(
  group: Pick<ConvergedAlert, 'receivers' | 'status' | 'reason' | 'sequence'>,
  receivers: readonly Receiver[],
  history: (receiver: string) => NotificationHistory | undefined,
): DispatchDecision[] {
  const named = [...new Set(group.receivers)];
  const names = named.length > 0 ? named : receivers.filter(({ is_default, is_enabled }) => is_default && is_enabled).map(({ name }) => name);
  if (names.length === 0) return [{ receiver: '', notSent: 'no_receiver' }];
  return names.map((name) => {
    const notSent = reason(
      group,
      receivers.find((receiver) => receiver.name === name),
      history(name),
    );
    return { receiver: name, ...(notSent && { notSent }) };
  });
}

function reason(
  { status, reason, sequence }: Pick<ConvergedAlert, 'status' | 'reason' | 'sequence'>,
  receiver: Receiver | undefined,
  past: NotificationHistory | undefined,
): NotSentReason | undefined {
  if (!receiver) return 'unknown_receiver';
  if (!receiver.is_enabled) return 'receiver_disabled';
  if (past && past.latest > sequence) return 'overtaken';
  if (!receiver.send_resolved && (status === 'resolved' || reason === 'some alerts resolved')) return 'resolved_not_wanted';
  if (status === 'resolved' && !past?.notified) return 'never_notified';
  return undefined;
}
