import type { Command } from 'commander';
import type { PartitionPause } from '../log/consuming/partition-pause.js';
import type { ConsumedPartition, Resumed } from '../ops/partition-control/partition-commands.service.js';
import { type ApiOptions, withApiOptions, withAuditOptions, milliseconds, printAnswer, parseWholeNumber } from './options.js';
import { formatTable } from './table.js';

interface SelectionOptions extends ApiOptions {
  readonly group: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly by: string;
  readonly why?: string;
}

function selecting(command: Command): Command {
  return withAuditOptions(
    withApiOptions(command)
      .requiredOption('--group <group>', 'consumer group: detect, alert, converge or notice')
      .option('--topic <topic>', 'only this topic of the group')
      .option('--partition <number>', 'only this partition', parseWholeNumber),
  );
}

/** `tocsin consumers list|pause|resume`: lists the partitions of the consumer groups, pauses and resumes them. */
export function consumersCommand(program: Command): void {
  const consumers = program.command('consumers').description('list, pause and resume partitions of the consumer groups');
  withApiOptions(consumers.command('list').description('list partitions with their owner and the reason why they are paused or halted'))
    .option('--paused', 'only paused or halted partitions')
    .action((options: ApiOptions & { paused?: boolean }) =>
      printAnswer(
        options,
        async (api) => {
          const { partitions } = await api.call<{ partitions: ConsumedPartition[] }>('GET', '/api/v1/consumers');
          return { partitions: options.paused ? partitions.filter(({ holds }) => holds.length > 0) : partitions };
        },
        formatPartitions,
      ),
    );
  selecting(consumers.command('pause').description('pause partitions on whichever replica owns them, until resume'))
    .option('--for <duration>', 'resume automatically after this duration: 90s, 15m, 2h', milliseconds)
    .action(({ for: duration, ...options }: SelectionOptions & { for?: number }) =>
      printAnswer(
        options,
        (api) =>
          api.call<{ paused: PartitionPause[] }>('POST', '/api/v1/consumers/pause', {
            ...selection(options),
            until: duration === undefined ? null : Date.now() + duration,
          }),
        ({ paused }) => `${paused.length} partitions paused; this takes effect within 2 seconds\n`,
      ),
    );
  selecting(consumers.command('resume').description('resume paused or halted partitions'))
    .option('--accept-gap', 'skip the records that retention has deleted')
    .option('--from <earliest|latest>', 'start position in a recreated topic')
    .action(({ acceptGap, from, ...options }: SelectionOptions & { acceptGap?: boolean; from?: string }) =>
      printAnswer(
        options,
        (api) =>
          api.call<{ resumed: Resumed[] }>('POST', '/api/v1/consumers/resume', { ...selection(options), accept_gap: acceptGap ?? false, from }),
        formatResumed,
      ),
    );
}

const selection = ({ group, topic, partition, by, why }: SelectionOptions) => ({ group, topic, partition, by, why });

function formatPartitions({ partitions }: { partitions: ConsumedPartition[] }): string {
  const rows = partitions.map(({ group, topic, partition, cursor, owner, holds }) => [
    group,
    topic,
    partition,
    cursor,
    owner || null,
    pauseText(holds),
  ]);
  return formatTable(['GROUP', 'TOPIC', 'PARTITION', 'CURSOR', 'OWNER', 'PAUSED'], rows);
}

function pauseText(holds: ConsumedPartition['holds']): string | null {
  const each = holds.map(({ kind, code, why, by, at, until }) => {
    const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
    return `${kind} ${code ?? `by ${by}`} since ${new Date(at).toISOString()}${end}${why && `: ${why}`}`;
  });
  return each.join('; ') || null;
}

function formatResumed({ resumed }: { resumed: Resumed[] }): string {
  if (resumed.length === 0) return 'no partition was paused or halted\n';
  return resumed
    .map(({ topic, partition, movedTo, note }) => `${topic}/${partition} resumed${movedTo === null ? '' : ` at ${movedTo}: ${note}`}\n`)
    .join('');
}
