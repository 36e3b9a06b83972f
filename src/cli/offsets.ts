import type { Command } from 'commander';
import type { PartitionPosition } from '../ops/offsets/offsets.service.js';
import { byWhom, wholeNumber } from './consumers.js';
import { type ApiOptions, askingServer, tell } from './options.js';
import { replayCommand } from './replay.js';
import { formatReset, type ResetAnswer } from './reset-table.js';
import { formatTable } from './table.js';

interface ShowOptions extends ApiOptions {
  readonly group?: string;
  readonly topic?: string;
}

interface ResetOptions extends ApiOptions {
  readonly group: string;
  readonly topic: string;
  readonly partition?: number;
  readonly to: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly by: string;
  readonly why?: string;
}

/** `tocsin offsets show|reset|replay`: where groups are, moving them, and running a part of the log again. */
export function offsetsCommand(program: Command): void {
  const offsets = program.command('offsets').description('where consumer groups are; move them; run a part of the log again');
  askingServer(offsets.command('show').description('cursor, checkpoint, committed offset and bounds of every partition'))
    .option('--group <group>', 'one group')
    .option('--topic <topic>', 'one topic')
    .action((options: ShowOptions) =>
      tell(options, (api) => api.call<{ partitions: PartitionPosition[] }>('GET', `/api/v1/offsets${query(options)}`), formatPositions),
    );
  byWhom(askingServer(offsets.command('reset').description('move a stopped group')))
    .requiredOption('--group <group>', 'consumer group: detect, alert, converge, notice')
    .requiredOption('--topic <topic>', 'topic that it reads')
    .requiredOption('--to <position...>', 'earliest, latest, offset:N, timestamp:T (ISO 8601 or epoch ms), shift:+N, shift:-N, tail:N')
    .option('--partition <number>', 'one partition; default all', wholeNumber)
    .option('--dry-run', 'only show old and new offsets')
    .option('--yes', 'do it; without it nothing is changed')
    .action((options: ResetOptions) =>
      tell(options, (api) => api.call<ResetAnswer>('POST', '/api/v1/offsets/reset', resetBody(options)), formatReset),
    );
  replayCommand(offsets);
}

function query({ group, topic }: ShowOptions): string {
  const parameters = new URLSearchParams({ ...(group && { group }), ...(topic && { topic }) });
  return parameters.size > 0 ? `?${parameters.toString()}` : '';
}

const resetBody = ({ group, topic, partition, to, dryRun, yes, by, why }: ResetOptions) => ({
  group,
  topic,
  partition,
  to: to.join(' '),
  dry_run: (dryRun ?? false) || !yes,
  by,
  why,
});

function formatPositions({ partitions }: { partitions: PartitionPosition[] }): string {
  const rows = partitions.map(({ group, topic, partition, cursor, state, committed, low, high, lag, owner }) => [
    ...[group, topic, partition, cursor, state, committed],
    ...[low, high, lag, owner || null],
  ]);
  return formatTable(['GROUP', 'TOPIC', 'PARTITION', 'CURSOR', 'STATE', 'COMMITTED', 'LOW', 'HIGH', 'LAG', 'OWNER'], rows);
}
