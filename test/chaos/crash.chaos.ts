import { Logger } from '@nestjs/common';
import { embedded } from './embedded.js';
import type { Installation, Mode } from './installation.js';
import { killing } from './killer.js';
import { chaosOptions } from './options.js';
import { acknowledged, itKeepsThePromises, onServers, reported, say } from './scenario.js';
import type { Outcome } from './run.js';

const options = chaosOptions(process.env);
const REPLICAS: Record<Mode, number> = { embedded: 1, distributed: 2 };

// The onlooker's own clients have nothing to tell.
Logger.overrideLogger(['error']);

function open(mode: Mode, folder: string): Promise<Installation> {
  return mode === 'embedded' ? embedded({ binary: options.binary, folder }) : onServers(options, { folder, replicas: REPLICAS[mode] });
}

describe.each(options.crash)('$mode: an installation that is killed $kills times under $events events', ({ mode, kills, freezes, ...load }) => {
  let outcome: Outcome;
  beforeAll(async () => {
    say(`${mode}: ${load.events} events, ${kills} kills, seed ${options.seed}`);
    const trouble = killing({ kills, freezes }, REPLICAS[mode]);
    outcome = await reported(options, mode, (folder) => open(mode, folder), trouble, { ...load, load: 'gated' });
  }, 3_600_000);

  it('was loaded and killed as often as it should', () => {
    expect(acknowledged(outcome)).toBeGreaterThanOrEqual(load.events);
    expect(outcome.evidence.kills.filter(({ kind }) => kind === 'killed').length).toBeGreaterThanOrEqual(kills);
  });

  itKeepsThePromises(() => outcome);
});
