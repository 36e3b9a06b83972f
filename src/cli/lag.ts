import { type Command, InvalidArgumentError } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../config.js';
import { LagHistory } from '../runtime/lag.js';
import { type GroupLag, type LagAnswer, lagAnswer, type LagLine } from '../ops/lag/lag-answer.js';
import { sleep } from '../shared/wait.js';
import { type Api, openApi } from './api.js';
import { type ApiOptions, withApiOptions, printAnswer } from './options.js';
import { formatTable } from './table.js';

interface LagOptions extends ApiOptions {
  readonly group?: string;
  readonly topic?: string;
  readonly samples: number;
  /** Seconds. */
  readonly interval: number;
  readonly watch?: boolean;
}

/** `tocsin lag`: consumer lag of every group. */
export function lagCommand(program: Command): void {
  withApiOptions(program.command('lag').description('show consumer lag, processing rate and estimated catch-up time of every consumer group'))
    .option('--group <group>', 'only this consumer group (without prefix)')
    .option('--topic <topic>', 'only this topic (without prefix)')
    .option(
      '--samples <n>',
      'measure rates from n samples; a running server reports the rates of the last minute by default',
      (text: string) => atLeast(1, text),
      1,
    )
    .option('--interval <seconds>', 'interval between samples', (text: string) => atLeast(0.1, text), 2)
    .option('--watch', 'refresh until interrupted')
    .action((options: LagOptions) => (options.watch ? watch(options) : printAnswer(options, (api) => look(api, options), format)));
}

/** One sample, or several to compute rates that the server does not report. */
async function look(api: Api, options: LagOptions): Promise<LagAnswer> {
  const history = new LagHistory(Infinity);
  let answer = await ask(api, options, history);
  for (let count = 1; count < options.samples; count++) {
    await delay(options.interval * 1000);
    answer = await ask(api, options, history);
  }
  return answer;
}

async function watch(options: LagOptions): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const api = await openApi(loadConfig(), options.url);
  const history = new LagHistory(60_000);
  try {
    while (!interrupted.signal.aborted) {
      const answer = await ask(api, options, history);
      process.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : `${new Date(answer.at).toISOString()}\n${format(answer)}\n`);
      await sleep(options.interval * 1000, interrupted.signal);
    }
  } finally {
    await api.close();
  }
}

async function ask(api: Api, { group, topic }: LagOptions, history: LagHistory): Promise<LagAnswer> {
  const query = new URLSearchParams({ ...(group !== undefined && { group }), ...(topic !== undefined && { topic }) });
  const answer = await api.call<LagAnswer>('GET', `/api/v1/lag?${query.toString()}`);
  history.add(answer.partitions, answer.at);
  const known = (line: LagLine) => (line.rate === null ? history.rate(line) : { consumed: line.rate, arriving: line.arrival_rate });
  return lagAnswer(answer, (line) => known(line as LagLine), answer.congestion, answer.at);
}

function atLeast(least: number, text: string): number {
  const value = Number(text);
  if (!(value >= least)) throw new InvalidArgumentError(`must be a number, at least ${least}.`);
  return value;
}

/** The table of kafka-consumer-groups, with rate and catch-up time. */
function format(answer: LagAnswer): string {
  const { partitions, groups, total, congestion, problems } = answer;
  const notes = problems.map((problem) => `unavailable: ${problem}\n`).join('');
  if (partitions.length === 0) return `no matching consumer groups\n${notes}`;
  const apart = partitions.some(({ current, cursor }) => current !== null && current !== cursor);
  const cursor = <T>(value: T): T[] => (apart ? [value] : []);
  const head = ['GROUP', 'TOPIC', 'PARTITION', 'CURRENT-OFFSET', ...cursor('CURSOR'), 'LOG-END-OFFSET', 'LAG', 'CONSUMER-ID', 'HOST', 'CLIENT-ID'];
  const rows = partitions.map((line) => {
    const { group, topic, partition, current, end, lag, consumer_id, host, client_id } = line;
    return [group, topic, partition, current, ...cursor(line.cursor), end, lag, consumer_id, host, client_id, rateText(line.rate), timeText(line)];
  });
  const sums = formatTable(
    ['GROUP', 'LAG', 'RATE', 'CATCH-UP'],
    [...groups.map((group) => [group.group, group.lag, rateText(group.rate), timeText(group)]), ['all', total, null, null]],
  );
  const congested = congestion
    .filter((each) => each.congested)
    .map(
      ({ group, topic, lag, threshold, since }) =>
        `${group} is congested in ${topic}: lag ${lag}, above ${threshold} for ${duration((answer.at - since) / 1000)}\n`,
    );
  return `${formatTable([...head, 'RATE', 'CATCH-UP'], rows)}\n${sums}${congested.join('')}${notes}`;
}

/** Records per second. */
const rateText = (rate: number | null): string | null => (rate === null ? null : `${rate >= 100 ? Math.round(rate) : Number(rate.toFixed(1))}/s`);

function timeText({ lag, rate, catch_up_seconds: time }: Pick<GroupLag, 'rate' | 'catch_up_seconds'> & { lag: number | null }): string | null {
  if (time !== null) return duration(time);
  return lag === null || rate === null ? null : 'never';
}

function duration(time: number): string {
  const whole = Math.ceil(time);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
