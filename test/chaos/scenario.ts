import { join } from 'node:path';
import { distributed, type DistributedOptions } from './distributed.js';
import type { Installation } from './installation.js';
import { promised } from './judge.js';
import type { ChaosOptions } from './options.js';
import { keepEvidence, report } from './report.js';
import { folderAt, type Outcome, type RunOptions, runUnder } from './run.js';
import type { Trouble } from './trouble.js';

export const say = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);

/** Opens the installation, has its run, and prints the report. */
export async function reported(
  { folder, seed, restMs }: ChaosOptions,
  name: string,
  open: (folder: string) => Promise<Installation>,
  trouble: Trouble,
  load: Pick<RunOptions, 'events' | 'roundMs' | 'load'>,
): Promise<Outcome> {
  const place = folderAt(join(folder, name));
  const installation = await open(place);
  try {
    const outcome = await runUnder(trouble, installation, { ...load, seed, restMs, say });
    if (Object.values(outcome.verdict.violations).some((found) => found.length > 0)) keepEvidence(place, outcome);
    process.stderr.write(`\n${report(outcome)}\n\n`);
    return outcome;
  } finally {
    await installation.close();
  }
}

/** One test for each promise. */
export function itKeepsThePromises(outcome: () => Outcome): void {
  it.each(Object.keys(promised) as (keyof typeof promised)[])('keeps the promise of %s', (name) => {
    expect(outcome().verdict.violations[name].slice(0, 10)).toEqual([]);
  });
}

/** On the servers of the options. */
export function onServers(options: ChaosOptions, more: Pick<DistributedOptions, 'folder' | 'replicas' | 'more'>): Promise<Installation> {
  const { binary, brokers, databaseUrl } = options;
  if (!brokers || !databaseUrl) throw new Error('the distributed mode needs servers');
  return distributed({ binary, brokers, databaseUrl, ...more });
}

/** How many events somebody was promised to find in the log. */
export const acknowledged = ({ evidence: { promises, fed } }: Outcome): number =>
  promises.events.size + fed.reduce((sum, { events }) => sum + events.length, 0);
