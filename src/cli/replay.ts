import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import { parseTarget } from '../ops/offsets/position.js';
import type { ReplayReport } from '../app/replay-report.js';
import { replay } from '../app/replay.js';
import { TocsinError } from '../shared/errors.js';
import { type ApiOptions, withAuditOptions, printAnswer, parseWholeNumber } from './options.js';
import { formatReset, type ResetAnswer } from './reset-table.js';
import { formatTable } from './table.js';

interface ReplayOptions {
  readonly topic: string;
  readonly partition?: number;
  readonly from: readonly string[];
  readonly to?: readonly string[];
  readonly sandbox?: string;
  readonly live?: boolean;
  readonly group?: string;
  readonly yes?: boolean;
  readonly by: string;
  readonly why?: string;
  readonly url?: string;
  readonly json?: boolean;
}

/** `tocsin offsets replay`: replays a range of a topic, in a sandbox or live. */
export function replayCommand(offsets: Command): void {
  withAuditOptions(
    offsets
      .command('replay')
      .description('replay a range of a topic, in a sandbox without notifications or live from an earlier offset')
      .requiredOption('--from <position...>', 'first record: offset:N, a timestamp (ISO 8601 or epoch ms), earliest, tail:N')
      .option('--to <position...>', 'last record, inclusive: offset:N, a timestamp, latest (default)')
      .option('--topic <topic>', 'topic', 'raw_events')
      .option('--partition <number>', 'only this partition; required with offset:N', parseWholeNumber)
      .option('--sandbox <folder>', 'new directory for an isolated Tocsin; records come from the configured installation')
      .option('--live', 'rewind the stopped --group; it processes the range again on the next start')
      .option('--group <group>', 'with --live: the consumer group')
      .option('--yes', 'with --live: apply the change; without it only old and new offsets are shown')
      .option('--url <url>', 'with --live: URL of the server')
      .option('--json', 'print JSON'),
  ).action((options: ReplayOptions) => (options.live ? live(options) : sandbox(options)));
}

async function sandbox({ topic, partition, from, to, sandbox: folder, json }: ReplayOptions): Promise<void> {
  if (folder === undefined) throw new TocsinError('T9002', 'either --sandbox <folder> or --live --group <group> is required');
  const targets = { from: parseTarget(from.join(' ')), to: parseTarget(to?.join(' ') ?? 'latest') };
  const report = await replay(loadConfig(), { topic, partition, ...targets, folder }, Date.now());
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : format(report));
}

function live({ topic, partition, from, to, group, yes, by, why, url, json }: ReplayOptions): Promise<void> {
  if (group === undefined) throw new TocsinError('T9002', '--live requires --group <group>');
  const options: ApiOptions = { ...(url !== undefined && { url }), ...(json !== undefined && { json }) };
  const body = { group, topic, partition, from: from.join(' '), to: to?.join(' '), dry_run: !yes, by, why };
  return printAnswer(options, (api) => api.call<ResetAnswer>('POST', '/api/v1/offsets/replay', body), formatReset);
}

function format({ topic, folder, partitions, records, dead_letters, strategies }: ReplayReport): string {
  const ranges = formatTable(
    ['PARTITION', 'FROM', 'TO', 'RECORDS', 'NOTE'],
    partitions.map(({ partition, from, end, records: count, cut }) => [
      partition,
      from,
      end > from ? end - 1 : null,
      count,
      cut ? 'truncated at the end of the log' : null,
    ]),
  );
  const letters = dead_letters.map(({ topic: of, code, count }) => `${count} dead letter records of ${of} with ${code}\n`).join('');
  const time = (at: number): string => new Date(at).toISOString();
  const alerts =
    strategies.length === 0
      ? 'no alerts\n'
      : formatTable(
          ['STRATEGY', 'ID', 'ALERTS', 'OPEN', 'FIRST', 'LAST'],
          strategies.map(({ strategy, strategy_id, alerts: count, open, first, last }) => [
            strategy,
            strategy_id,
            count,
            open,
            time(first),
            time(last),
          ]),
        );
  return `${ranges}\n${records} records of ${topic}\n${letters || 'no dead letter records\n'}\n${alerts}\ninspect it with: tocsin serve --sandbox ${folder} --port 8181\n`;
}
