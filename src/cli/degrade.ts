import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { TocsinError } from '../shared/errors.js';
import { type ApiOptions, askingServer, tell } from './options.js';
import { formatTable } from './table.js';

interface Shown {
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

/** `tocsin degrade list|set|clear`: what is dropped on purpose for a while. */
export function degradeCommand(program: Command): void {
  const degrade = program.command('degrade').description('drop part of what a source sends, for a while, when there is too much');
  askingServer(degrade.command('list').description('the switches that hold')).action((options: ApiOptions) =>
    tell(
      options,
      (api) => api.call<{ switches: Shown[] }>('GET', '/api/v1/degrade'),
      ({ switches }) => (switches.length === 0 ? 'no degrade switch is set\n' : format(switches)),
    ),
  );
  askingServer(degrade.command('set <source>').description('set the switch of a declared source, of an event_source, or of all (*)'))
    .option('--drop-priority <n>', 'drop events of priority n to 5: 2 events, 3 metrics, 4 logs, where an event says nothing itself')
    .option('--keep <share>', 'keep this share of the series, from 0 to below 1')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--for <time>', 'how long: 90s, 30m, 2h')
    .option('--by <name>', 'who; default: the user of this shell')
    .action((source: string, options: SetOptions) =>
      tell(
        options,
        (api) => api.call<Shown>('PUT', pathOf(source), bodyOf(options)),
        (one) => format([one]),
      ),
    );
  askingServer(degrade.command('clear <source>').description('take the switch of a source back')).action((source: string, options: ApiOptions) =>
    tell(
      options,
      async (api) => {
        await api.call('DELETE', pathOf(source));
        return { cleared: source };
      },
      ({ cleared }) => `the switch of ${cleared} is off\n`,
    ),
  );
}

const pathOf = (source: string): string => `/api/v1/degrade/${encodeURIComponent(source)}`;

function bodyOf({ dropPriority, keep, reason, for: time, by }: SetOptions): object {
  const [, amount, unit = 's'] = /^(\d{1,9})([smh])$/.exec(time) ?? [];
  if (amount === undefined) throw new TocsinError('T1303', `--for ${time}: must be like 90s, 30m or 2h`);
  return {
    ...(dropPriority !== undefined && { drop_priority: Number(dropPriority) }),
    ...(keep !== undefined && { keep: Number(keep) }),
    reason,
    by: by ?? userInfo().username,
    for_ms: Number(amount) * UNITS[unit]!,
  };
}

function format(switches: readonly Shown[]): string {
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
