import { readFileSync } from 'node:fs';
import { databases } from '../../test/support/database.js';
import type { Row } from '../shared/row.js';
import { nextPhase, nextPhaseSql, phaseCell, phaseInputs, phases } from './member-phase.js';

const documented = readFileSync(new URL('../../docs/converge.md', import.meta.url), 'utf8');

/** Cells of the row of a phase in docs/converge.md, without the phase and its meaning. */
function documentedCells(phase: string): string[] {
  const row = documented.split('\n').find((line) => line.startsWith(`| \`${phase}\` `));
  return (row ?? '')
    .split('|')
    .slice(3, -1)
    .map((cell) => cell.trim());
}

describe('the phases of a member', () => {
  it.each(phases)('%s is documented with its transitions', (phase) => {
    expect(documentedCells(phase)).toEqual(phaseInputs.map((input) => phaseCell(phase, input)));
  });

  it.each(databases)('are computed alike by SQL on %s', async (_, open) => {
    const { database, close } = await open();
    for (const input of phaseInputs) {
      for (const phase of phases) {
        for (const sequence of [null, 1]) {
          const [row] = await database.query<Row>(`SELECT ${nextPhaseSql(input)} AS next FROM (SELECT ? AS phase, ? AS notified_firing_seq) member`, [
            phase,
            sequence,
          ]);
          expect([phase, input, row!['next']]).toEqual([phase, input, nextPhase(phase, input, sequence !== null)]);
        }
      }
    }
    await close();
  });
});
