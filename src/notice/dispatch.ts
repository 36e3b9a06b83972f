import type { ConvergedAlert } from '../topics.js';
import type { Receiver } from './receiver.js';

/** Why a receiver is not told. */
export type Untold =
  /** Nobody is named, and nobody is the default. */
  | 'no_receiver'
  | 'unknown_receiver'
  | 'receiver_disabled'
  /** The receiver does not want to hear that something is over. */
  | 'resolved_not_wanted'
  /** It is over, but the receiver never heard that it fired. */
  | 'never_told'
  /** A later message of the group is known already, and it says all that this one does. */
  | 'overtaken';

/** What a receiver is due of one group so far. */
export interface History {
  /** Highest sequence number that is known. */
  readonly latest: number;
  /** It was told, or is going to be told, that something fires. */
  readonly told: boolean;
}

export interface Decision {
  /** Name of the receiver; empty when there is none. */
  readonly receiver: string;
  /** Absent: tell it. */
  readonly untold?: Untold;
}

/** Who is told about a group, and why others are not. Never empty, so that every message leaves a trace. */
export function dispatch(
  group: Pick<ConvergedAlert, 'receivers' | 'status' | 'reason' | 'sequence'>,
  receivers: readonly Receiver[],
  history: (receiver: string) => History | undefined,
): Decision[] {
  const named = [...new Set(group.receivers)];
  const names = named.length > 0 ? named : receivers.filter(({ is_default, is_enabled }) => is_default && is_enabled).map(({ name }) => name);
  if (names.length === 0) return [{ receiver: '', untold: 'no_receiver' }];
  return names.map((name) => {
    const untold = reason(
      group,
      receivers.find((receiver) => receiver.name === name),
      history(name),
    );
    return { receiver: name, ...(untold && { untold }) };
  });
}

function reason(
  { status, reason, sequence }: Pick<ConvergedAlert, 'status' | 'reason' | 'sequence'>,
  receiver: Receiver | undefined,
  past: History | undefined,
): Untold | undefined {
  if (!receiver) return 'unknown_receiver';
  if (!receiver.is_enabled) return 'receiver_disabled';
  if (past && past.latest > sequence) return 'overtaken';
  if (!receiver.send_resolved && (status === 'resolved' || reason === 'some alerts resolved')) return 'resolved_not_wanted';
  if (status === 'resolved' && !past?.told) return 'never_told';
  return undefined;
}
