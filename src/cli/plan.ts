import type { Command } from 'commander';
import { type Plan, plan, planDefaults, planFlaws, type PlanInput } from '../ops/planner/plan.js';
import { TocsinError } from '../shared/errors.js';
import { sizeText } from './sizes.js';
import { formatTable } from './table.js';

const means: Readonly<Record<keyof typeof planDefaults, string>> = {
  peak_factor: 'peak rate divided by mean rate',
  event_bytes: 'size of an event as JSON, in bytes',
  events_per_record: 'events per record; 1 if senders send events one by one',
  compression_ratio: 'compression ratio (uncompressed bytes / compressed bytes)',
  retention_hours: 'retention in hours',
  replication: 'replication factor',
  brokers: 'number of brokers',
  alert_share: 'fraction of events that produce an alert message',
  alert_bytes: 'size of an alert message, in bytes',
  disk_reserve: 'fraction of the disk to keep free',
  utilisation: 'target CPU utilisation at peak',
  spare_replicas: 'replicas that may be down at peak',
  target_replicas: 'replicas that the partition count must support; 0: twice the required replicas',
  access_rate: 'events per second and core, Access (measure with npm run bench)',
  detect_rate: 'events per second and core, Detect (npm run bench)',
  alert_rate: 'alert messages per second and core, Alert, Converge and Notice together (npm run bench)',
  partition_bytes_per_second: 'maximum throughput per partition, in bytes per second',
};

const flag = (name: string): string => `--${name.replaceAll('_', '-')}`;

/** `tocsin plan`: capacity planning, offline. */
export function planCommand(program: Command): void {
  const command = program
    .command('plan')
    .description('capacity planning: partitions, disk, bandwidth and replicas for a load, with the formulas. Works offline')
    .requiredOption('--events-per-day <n>', 'events per day, such as 1e9')
    .option('--json', 'print JSON');
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
  const camel = (name: string): string => name.replace(/_(.)/g, (_, character: string) => character.toUpperCase());
  return Object.fromEntries(names.map((name) => [name, Number(options[camel(name)])])) as unknown as PlanInput;
}

function format({ steps, settings, commands, warnings, partitions, replicas, ...sizes }: Plan): string {
  const shown = (value: number, unit: string): string => (unit.startsWith('bytes') && value >= 1024 ? `${sizeText(value)}${unit.slice(5)}` : unit);
  const rows = steps.map(({ name, formula, worked, value, unit }) => [name, worked, shown(value, unit), formula]);
  return [
    formatTable(['QUANTITY', 'CALCULATION', 'UNIT', 'FORMULA'], rows),
    `${partitions} partitions, ${replicas} replicas of Tocsin, ${sizeText(sizes.disk_bytes_per_broker)} of disk per broker,`,
    `${sizeText(sizes.in_bytes_per_second)}/s inbound and ${sizeText(sizes.out_bytes_per_second)}/s outbound per broker at peak`,
    '',
    ...warnings.map((each) => `warning: ${each}`),
    'Settings for the first start:',
    ...Object.entries(settings).map(([name, value]) => `  ${name}=${value}`),
    'Or create the topics before the first start:',
    ...commands.map((each) => `  ${each}`),
    '',
  ].join('\n');
}
