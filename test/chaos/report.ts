import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promised } from './judge.js';
import type { Outcome } from './run.js';

/** Violations of one kind that are printed; all of them are in the evidence. */
const MOST_PRINTED = 10;

/** What happened, and the judgement, as a table. */
export function report({ verdict, seconds }: Outcome): string {
  const figures = Object.entries({ ...verdict.figures, 'seconds under load, to rest, to judge': Object.values(seconds).map(Math.round).join(', ') });
  const width = Math.max(...figures.map(([name]) => name.length));
  const judgements = names.flatMap((name) => {
    const found = verdict.violations[name];
    const more = found.length > MOST_PRINTED ? [`        … and ${found.length - MOST_PRINTED} more`] : [];
    return [
      `${found.length === 0 ? 'ok    ' : 'BROKEN'}  ${promised[name]}`,
      ...found.slice(0, MOST_PRINTED).map((each) => `        ${each}`),
      ...more,
    ];
  });
  return [...figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`), '', ...judgements].join('\n');
}

const names = Object.keys(promised) as (keyof typeof promised)[];

/** Keeps everything that can tell why a run failed. */
export function keepEvidence(folder: string, { verdict, evidence }: Outcome): void {
  const { history, ...remains } = evidence.remains;
  const lines = history.flatMap(({ partition, records }) =>
    records.map(({ offset, value }) => JSON.stringify({ partition, offset, value: value === null ? null : Buffer.from(value).toString('latin1') })),
  );
  const keep = (name: string, text: string): void => writeFileSync(join(folder, name), `${text}\n`);
  keep('violations.json', JSON.stringify(verdict.violations, null, 1));
  keep('raw_events.ndjson', lines.join('\n'));
  keep('reference.ndjson', verdict.reference.messages.map((message) => JSON.stringify(message)).join('\n'));
  keep('arrivals.ndjson', evidence.arrivals.map((arrival) => JSON.stringify(arrival)).join('\n'));
  keep('fed.ndjson', evidence.fed.map(({ value: _, ...record }) => JSON.stringify(record)).join('\n'));
  keep('kills.json', JSON.stringify(evidence.kills, null, 1));
  for (const [name, rows] of Object.entries(remains)) keep(`${name}.ndjson`, [...rows].map((row) => JSON.stringify(row)).join('\n'));
}
