import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { PartitionPause } from '../log/consuming/partition-pause.js';
import type { ConsumedPartition, Resumed } from '../ops/partition-control/partition-commands.service.js';
import { type ApiOptions, askingServer, tell } from './options.js';
import { formatTable } from './table.js';

interface SelectionOptions extends ApiOptions {
  readonly group: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly by: string;
  readonly why?: string;
}

/** A whole number of the command line. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

/** Adds who gives the command and why, for the audit table. */
export function byWhom(command: Command): Command {
  return command.option('--by <name>', 'who gives the command', userInfo().username).option('--why <text>', 'why; people will read it');
}

function selecting(command: Command): Command {
  return byWhom(
    askingServer(command)
      .requiredOption('--group <group>', 'consumer group: detect, alert, converge, notice')
      .option('--topic <topic>', 'one topic of the group; default all')
      .option('--partition <number>', 'one partition; default all', wholeNumber),
  );
}

/** `tocsin consumers list|pause|resume`: the partitions of the consumer groups, and holding them. */
export function consumersCommand(program: Command): void {
  const consumers = program.command('consumers').description('partitions of the consumer groups: what holds them, pause, resume');
  askingServer(consumers.command('list').description('every partition with its owner and what holds it'))
    .option('--held', 'only those that are paused or stopped')
    .action((options: ApiOptions & { held?: boolean }) =>
      tell(
        options,
        async (api) => {
          const { partitions } = await api.call<{ partitions: ConsumedPartition[] }>('GET', '/api/v1/consumers');
          return { partitions: options.held ? partitions.filter(({ holds }) => holds.length > 0) : partitions };
        },
        formatPartitions,
      ),
    );
  selecting(consumers.command('pause').description('let partitions stand still, wherever they run, until resume'))
    .option('--for <duration>', 'end the pause by itself after so long: 90s, 15m, 2h', milliseconds)
    .action(({ for: duration, ...options }: SelectionOptions & { for?: number }) =>
      tell(
        options,
        (api) =>
          api.call<{ paused: PartitionPause[] }>('POST', '/api/v1/consumers/pause', {
            ...selection(options),
            until: duration === undefined ? null : Date.now() + duration,
          }),
        ({ paused }) => `${paused.length} paused; they stand still within 2 seconds\n`,
      ),
    );
  selecting(consumers.command('resume').description('let paused or stopped partitions go on'))
    .option('--accept-gap', 'give up the records that retention has deleted')
    .option('--from <earliest|latest>', 'where to begin in a topic that was made anew')
    .action(({ acceptGap, from, ...options }: SelectionOptions & { acceptGap?: boolean; from?: string }) =>
      tell(
        options,
        (api) =>
          api.call<{ resumed: Resumed[] }>('POST', '/api/v1/consumers/resume', { ...selection(options), accept_gap: acceptGap ?? false, from }),
        formatResumed,
      ),
    );
}

const selection = ({ group, topic, partition, by, why }: SelectionOptions) => ({ group, topic, partition, by, why });

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration of the command line, in milliseconds. */
export function milliseconds(duration: string): number {
  const [, count, unit] = /^(\d{1,6})(s|m|h|d)$/.exec(duration) ?? [];
  if (!count) throw new InvalidArgumentError('must be a duration such as 90s, 15m, 2h, 1d.');
  return Number(count) * units[unit as keyof typeof units];
}

function formatPartitions({ partitions }: { partitions: ConsumedPartition[] }): string {
  const rows = partitions.map(({ group, topic, partition, cursor, owner, holds }) => [group, topic, partition, cursor, owner || null, told(holds)]);
  return formatTable(['GROUP', 'TOPIC', 'PARTITION', 'CURSOR', 'OWNER', 'HELD'], rows);
}

function told(holds: ConsumedPartition['holds']): string | null {
  const each = holds.map(({ kind, code, why, by, at, until }) => {
    const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
    return `${kind} ${code ?? `by ${by}`} since ${new Date(at).toISOString()}${end}${why && `: ${why}`}`;
  });
  return each.join('; ') || null;
}

function formatResumed({ resumed }: { resumed: Resumed[] }): string {
  if (resumed.length === 0) return 'nothing was held\n';
  return resumed
    .map(({ topic, partition, movedTo, note }) => `${topic}/${partition} goes on${movedTo === null ? '' : ` at ${movedTo}: ${note}`}\n`)
    .join('');
}
