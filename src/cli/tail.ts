import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import type { RecordView } from '../ops/tail/record-view.js';
import type { Tail } from '../ops/tail/tail.service.js';
import { TocsinError } from '../shared/errors.js';
import { type Api, openApi } from './api.js';
import { type ApiOptions, withApiOptions } from './options.js';

interface TailOptions extends ApiOptions {
  readonly records: string;
  readonly partition?: string;
  readonly key?: string;
  readonly grep?: string;
  readonly scan?: string;
  readonly follow?: boolean;
  readonly raw?: boolean;
  readonly unfold?: boolean;
}

/** Poll interval of `--follow`. */
const FOLLOW_MS = 1000;

/** `tocsin tail`: the newest records of a topic, read without a consumer group. */
export function tailCommand(program: Command): void {
  withApiOptions(program.command('tail <topic>').description('show the newest records of a topic, over all partitions, in timestamp order'))
    .option('-n, --records <n>', 'number of records', '10')
    .option('-p, --partition <n>', 'only this partition')
    .option('-k, --key <key>', 'only records, or events in envelopes, with this key')
    .option('-g, --grep <text>', 'only records that contain this text')
    .option('--scan <n>', 'number of records to search (20000)')
    .option('-f, --follow', 'follow new records')
    .option('--raw', 'print raw bytes, without decoding')
    .option('--unfold', 'print the events of an envelope separately')
    .action(run);
}

async function run(topic: string, options: TailOptions): Promise<void> {
  const api = await openApi(loadConfig(), options.url);
  try {
    let answer = await ask(api, topic, options);
    print(answer, options);
    while (options.follow) {
      if (answer.records.length === 0) await delay(FOLLOW_MS);
      answer = await ask(api, topic, { ...options, records: '1000' }, answer.next);
      print(answer, options);
    }
  } finally {
    await api.close();
  }
}

function ask(api: Api, topic: string, options: TailOptions, after?: string): Promise<Tail> {
  const { records, partition, key, grep, scan, raw, unfold } = options;
  const wanted = { n: records, partition, key, grep, scan, raw: raw && 'true', unfold: unfold && 'true', after };
  const query = new URLSearchParams(Object.entries(wanted).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
  if (!/^\d+$/.test(records)) throw new TocsinError('T6405', `-n ${records}: must be an integer`);
  return api.call<Tail>('GET', `/api/v1/topics/${encodeURIComponent(topic)}/records?${query.toString()}`);
}

function print({ records, errors, complete, scanned, topic }: Tail, { json, grep, key, follow }: TailOptions): void {
  // One object per line, so that a program can read the stream.
  for (const record of records) process.stdout.write(json ? `${JSON.stringify({ topic, ...record })}\n` : `${line(record)}\n`);
  for (const { partition, message } of errors) process.stderr.write(`${topic}/${partition}: ${message}\n`);
  if (!complete) process.stderr.write(`result may be incomplete: ${scanned} records were searched (--scan), and a response has at most 4 MiB\n`);
  if (records.length === 0 && !follow && !json) process.stderr.write(grep || key ? 'no matching records\n' : 'the topic is empty\n');
}

function line({ partition, offset, index, timestamp, key, message, error, text, hex, cut, bytes, headers }: RecordView): string {
  const place = `${new Date(timestamp).toISOString()} ${partition}/${offset}${index === undefined ? '' : `#${index}`} ${key ?? '-'}`;
  const marks = [
    ...(headers ? [JSON.stringify(headers)] : []),
    ...(error ? [`[${error.code} ${error.message}]`] : []),
    ...(cut ? [`[truncated, ${bytes} bytes]`] : []),
  ];
  const value = message !== undefined ? JSON.stringify(message) : (text ?? (hex === undefined ? 'null' : `hex ${hex}`));
  return [place, ...marks, value].join(' ');
}
