import type { Command } from 'commander';
import type { PartitionPosition } from '../ops/offsets/offsets.service.js';
import { type ApiOptions, withApiOptions, withAuditOptions, printAnswer, parseWholeNumber } from './options.js';
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

/** `tocsin offsets show|reset|replay`: shows and resets offsets, and replays a range of a topic. */
export function offsetsCommand(program: Command): void {
  const offsets = program.command('offsets').description('show and reset consumer group offsets; replay a range of a topic');
  withApiOptions(offsets.command('show').description('show cursor, checkpoint offset, committed offset and log bounds of every partition'))
    .option('--group <group>', 'only this consumer group')
    .option('--topic <topic>', 'only this topic')
    .action((options: ShowOptions) =>
      printAnswer(options, (api) => api.call<{ partitions: PartitionPosition[] }>('GET', `/api/v1/offsets${query(options)}`), formatPositions),
    );
  withAuditOptions(withApiOptions(offsets.command('reset').description('reset the offsets of a stopped consumer group')))
    .requiredOption('--group <group>', 'consumer group: detect, alert, converge or notice')
    .requiredOption('--topic <topic>', 'topic of the group')
    .requiredOption('--to <position...>', 'earliest, latest, offset:N, timestamp:T (ISO 8601 or epoch ms), shift:+N, shift:-N, tail:N')
    .option('--partition <number>', 'only this partition', parseWholeNumber)
    .option('--dry-run', 'only show old and new offsets')
    .option('--yes', 'apply the change; without it only old and new offsets are shown')
    .action((options: ResetOptions) =>
      printAnswer(options, (api) => api.call<ResetAnswer>('POST', '/api/v1/offsets/reset', resetBody(options)), formatReset),
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
