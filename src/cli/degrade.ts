import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { TocsinError } from '../shared/errors.js';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';
import { formatTable } from './table.js';

interface SwitchView {
  readonly source: string;
  readonly drop_priority: number | null;
  readonly keep: number | null;
  readonly reason: string;
  readonly set_by: string;
  readonly expires_at: number;
  readonly dropped: number;
}

interface SetOptions extends ApiOptions {
  readonly dropPriority?: string;
  readonly keep?: string;
  readonly reason: string;
  readonly for: string;
  readonly by?: string;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** `tocsin degrade list|set|clear`: temporary load shedding by source. */
export function degradeCommand(program: Command): void {
  const degrade = program.command('degrade').description('temporary load shedding: drop part of the events of a source');
  withApiOptions(degrade.command('list').description('list active degrade switches')).action((options: ApiOptions) =>
    printAnswer(
      options,
      (api) => api.call<{ switches: SwitchView[] }>('GET', '/api/v1/degrade'),
      ({ switches }) => (switches.length === 0 ? 'no active degrade switches\n' : format(switches)),
    ),
  );
  withApiOptions(
    degrade.command('set <source>').description('set the degrade switch of a declared source, of an event_source, or of all sources (*)'),
  )
    .option('--drop-priority <n>', 'drop events of priority n to 5; default priorities: 2 events, 3 metrics, 4 logs')
    .option('--keep <share>', 'fraction of the series to keep, from 0 to below 1')
    .requiredOption('--reason <text>', 'reason, shown to other operators')
    .requiredOption('--for <time>', 'duration: 90s, 30m, 2h')
    .option('--by <name>', 'operator; default: the current user')
    .action((source: string, options: SetOptions) =>
      printAnswer(
        options,
        (api) => api.call<SwitchView>('PUT', pathOf(source), bodyOf(options)),
        (one) => format([one]),
      ),
    );
  withApiOptions(degrade.command('clear <source>').description('clear the degrade switch of a source')).action(
    (source: string, options: ApiOptions) =>
      printAnswer(
        options,
        async (api) => {
          await api.call('DELETE', pathOf(source));
          return { cleared: source };
        },
        ({ cleared }) => `degrade switch of ${cleared} cleared\n`,
      ),
  );
}

const pathOf = (source: string): string => `/api/v1/degrade/${encodeURIComponent(source)}`;

function bodyOf({ dropPriority, keep, reason, for: time, by }: SetOptions): object {
  const [, amount, unit = 's'] = /^(\d{1,9})([smh])$/.exec(time) ?? [];
  if (amount === undefined) throw new TocsinError('T1303', `--for ${time}: must be a duration such as 90s, 30m or 2h`);
  return {
    ...(dropPriority !== undefined && { drop_priority: Number(dropPriority) }),
    ...(keep !== undefined && { keep: Number(keep) }),
    reason,
    by: by ?? userInfo().username,
    for_ms: Number(amount) * UNITS[unit]!,
  };
}

function format(switches: readonly SwitchView[]): string {
  const rows = switches.map((one) => [
    one.source,
    one.drop_priority === null ? null : `${one.drop_priority}-5`,
    one.keep === null ? null : `${one.keep}`,
    new Date(one.expires_at).toISOString(),
    one.set_by,
    one.dropped,
    one.reason,
  ]);
  return formatTable(['SOURCE', 'DROPS-PRIORITY', 'KEEPS', 'EXPIRES', 'SET-BY', 'DROPPED', 'REASON'], rows);
}
