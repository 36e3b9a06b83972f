import type { Command } from 'commander';
import { type Plan, plan, planDefaults, planFlaws, type PlanInput } from '../ops/planner/plan.js';
import { TocsinError } from '../shared/errors.js';
import { sizeText } from './sizes.js';
import { formatTable } from './table.js';

const means: Readonly<Record<keyof typeof planDefaults, string>> = {
  peak_factor: 'busiest second over the mean one',
  event_bytes: 'bytes of one event as JSON',
  events_per_record: 'events in one record: 1 where senders send one by one',
  compression_ratio: 'bytes before over bytes after compression',
  retention_hours: 'how long records are kept',
  replication: 'copies of each record',
  brokers: 'brokers of the cluster',
  alert_share: 'share of events that become a message about an alert',
  alert_bytes: 'bytes of such a message',
  disk_reserve: 'share of the disk that stays free',
  utilisation: 'how busy a core may be at the peak',
  spare_replicas: 'replicas that may be away at the peak',
  target_replicas: 'replicas that the topics must have room for; 0: twice those that the load needs',
  access_rate: 'events per second that a core takes in (npm run bench measures yours)',
  detect_rate: 'events per second that a core judges (npm run bench)',
  alert_rate: 'messages about alerts per second and core, Alert, Converge and Notice together (npm run bench)',
  partition_bytes_per_second: 'bytes per second that one partition is trusted with',
};

const flag = (name: string): string => `--${name.replaceAll('_', '-')}`;

/** `tocsin plan`: capacity from load; asks no server. */
export function planCommand(program: Command): void {
  const command = program
    .command('plan')
    .description('partitions, disk, bandwidth and replicas for a load, with the arithmetic; asks no server')
    .requiredOption('--events-per-day <n>', 'events in a day, such as 1e9')
    .option('--json', 'print the answer as JSON');
  for (const [name, text] of Object.entries(means) as [keyof typeof planDefaults, string][]) {
    command.option(`${flag(name)} <n>`, text, String(planDefaults[name]));
  }
  command.action((options: Record<string, string | boolean>) => {
    const input = inputOf(options);
    const flaws = planFlaws(input);
    if (flaws.length > 0) throw new TocsinError('T5010', flaws.join('; '));
    const answer = plan(input);
    process.stdout.write(options['json'] ? `${JSON.stringify({ input, ...answer }, null, 2)}\n` : format(answer));
  });
}

function inputOf(options: Record<string, string | boolean>): PlanInput {
  const names = ['events_per_day', ...Object.keys(planDefaults)];
  const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(names.map((name) => [name, Number(options[camel(name)])])) as unknown as PlanInput;
}

function format({ steps, settings, commands, warnings, partitions, replicas, ...sizes }: Plan): string {
  const shown = (value: number, unit: string): string => (unit.startsWith('bytes') && value >= 1024 ? `${sizeText(value)}${unit.slice(5)}` : unit);
  const rows = steps.map(({ name, formula, worked, value, unit }) => [name, worked, shown(value, unit), formula]);
  return [
    formatTable(['WHAT', 'ARITHMETIC', 'UNIT', 'FORMULA'], rows),
    `${partitions} partitions, ${replicas} replicas of Tocsin, ${sizeText(sizes.disk_bytes_per_broker)} of disk for each broker,`,
    `${sizeText(sizes.in_bytes_per_second)}/s into and ${sizeText(sizes.out_bytes_per_second)}/s out of each broker at the peak`,
    '',
    ...warnings.map((each) => `warning: ${each}`),
    'Settings before the first start:',
    ...Object.entries(settings).map(([name, value]) => `  ${name}=${value}`),
    'or, while no replica has started yet:',
    ...commands.map((each) => `  ${each}`),
    '',
  ].join('\n');
}
