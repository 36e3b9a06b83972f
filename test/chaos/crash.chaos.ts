import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { crashRun, folderAt, type Outcome } from './crash-run.js';
import { distributed } from './distributed.js';
import { embedded } from './embedded.js';
import type { Installation, Mode } from './installation.js';
import { promised } from './judge.js';
import { chaosOptions } from './options.js';
import { keepEvidence, report } from './report.js';

const { modes, seed, restMs, binary, folder, brokers, databaseUrl } = chaosOptions(process.env);

// The onlooker's own clients have nothing to tell.
Logger.overrideLogger(['error']);
const say = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);

function open(mode: Mode, at: string): Promise<Installation> {
  if (mode === 'embedded') return embedded({ binary, folder: at });
  if (!brokers || !databaseUrl) throw new Error('the distributed mode needs servers');
  return distributed({ binary, folder: at, brokers, databaseUrl });
}

describe.each(modes)('$mode: an installation that is killed $kills times under $events events', ({ mode, events, kills, freezes, roundMs }) => {
  let outcome: Outcome;
  beforeAll(async () => {
    const place = folderAt(join(folder, mode));
    say(`${mode}: ${events} events, ${kills} kills, seed ${seed}`);
    const installation = await open(mode, place);
    try {
      outcome = await crashRun(installation, { seed, events, kills, freezes, roundMs, restMs, say });
      if (Object.values(outcome.verdict.violations).some((found) => found.length > 0)) keepEvidence(place, outcome);
      process.stderr.write(`\n${report(outcome)}\n\n`);
    } finally {
      await installation.close();
    }
  }, 3_600_000);

  it('was loaded and killed as often as it should', () => {
    expect(outcome.evidence.promises.events.size).toBeGreaterThanOrEqual(events);
    expect(outcome.evidence.kills.filter(({ kind }) => kind === 'killed').length).toBeGreaterThanOrEqual(kills);
  });

  it.each(Object.keys(promised) as (keyof typeof promised)[])('keeps the promise of %s', (name) => {
    expect(outcome.verdict.violations[name].slice(0, 10)).toEqual([]);
  });
});
