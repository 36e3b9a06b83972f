import { Logger } from '@nestjs/common';
import { chaosOptions } from './options.js';
import { acknowledged, itKeepsThePromises, onServers, reported, say } from './scenario.js';
import type { Outcome } from './run.js';
import { Scaling } from './scaling.js';

const options = chaosOptions(process.env);

// The onlooker's own clients have nothing to tell.
Logger.overrideLogger(['error']);

// A frozen sender keeps its claim on the notice, however long it sleeps: what it does when it wakes up is no second delivery.
const open = { replicas: 4, more: { NOTICE_TIMEOUT_MS: '90000' } };

describe.each(options.scale)('an installation that grows, restarts, freezes and shrinks under $events events', ({ restarts, ...load }) => {
  const scaling = new Scaling(restarts);
  let outcome: Outcome;
  beforeAll(async () => {
    say(`scale: ${load.events} events at least, seed ${options.seed}`);
    outcome = await reported(options, 'scale', (folder) => onServers(options, { folder, ...open }), scaling, { ...load, load: 'steady' });
  }, 3_600_000);

  it('was loaded, and went 1 → 2 → 4 → 1 replicas with a rolling restart and a freeze', () => {
    expect(acknowledged(outcome)).toBeGreaterThanOrEqual(load.events);
    expect(scaling.phases.map(({ name }) => name)).toEqual(['one', '1 → 2', '2 → 4', 'rolling restart', 'one frozen', '4 → 1']);
    expect(outcome.evidence.kills.map(({ kind }) => kind)).toEqual(['frozen']);
  });

  itKeepsThePromises(() => outcome);
});
