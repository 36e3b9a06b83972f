import { AlertLife } from '../../test/support/converge.js';
import { advance, born, type Membership, type Phase } from './membership.js';

const NOW = 1000;

function aMember(of: Partial<Membership> = {}): { member: Membership; life: AlertLife } {
  const life = new AlertLife('a');
  return { life, member: { ...born(life.fires(), 'g', NOW), ...of } };
}

const told = { told_severity: 2, told_firing_seq: 1 } as const;
const counted = { told_severity: 2, told_firing_seq: null } as const;

describe('what the receivers know of a member', () => {
  it.each<[string, Partial<Membership>, boolean, Phase]>([
    ['untold and not due: it goes unnoticed', { phase: 'untold' }, false, 'unnoticed'],
    ['untold though it was due: it is still told', { phase: 'untold' }, true, 'late'],
    ['told: its end is to be told', { phase: 'told', ...told }, false, 'resolved'],
    ['raised: its end is to be told', { phase: 'raised', ...told }, false, 'resolved'],
    ['counted: the count changes', { phase: 'counted', ...counted }, false, 'gone'],
    ['counted and raised: the count changes', { phase: 'raised', ...counted }, false, 'gone'],
  ])('when it ends, %s', (_, of, isOverdue, phase) => {
    const { member, life } = aMember(of);
    expect(advance(member, life.recovers(), isOverdue, NOW + 5)).toMatchObject({ phase, ended_at: NOW + 5, facts: { status: 'RECOVERED' } });
  });

  it.each<[string, Partial<Membership>, 1 | 2 | 3, Phase]>([
    ['untold stays untold', { phase: 'untold' }, 1, 'untold'],
    ['told and more severe is raised', { phase: 'told', ...told }, 1, 'raised'],
    ['told and less severe is told', { phase: 'told', ...told }, 3, 'told'],
    ['raised and back is told', { phase: 'raised', ...told }, 2, 'told'],
    ['counted and more severe is raised', { phase: 'counted', ...counted }, 1, 'raised'],
    ['counted, raised and back is counted', { phase: 'raised', ...counted }, 2, 'counted'],
  ])('when its severity changes, %s', (_, of, severity, phase) => {
    const { member, life } = aMember(of);
    expect(advance(member, life.turns(severity), false, NOW)).toMatchObject({ phase, severity, facts: { severity } });
  });

  it('says why it went unnoticed, and nothing otherwise', () => {
    const { member, life } = aMember();
    const end = life.recovers();
    expect(advance(member, end, false, NOW)).toMatchObject({ unsent_reason: 'ended_before_notice' });
    expect(advance(member, end, true, NOW)).toMatchObject({ unsent_reason: null });
  });

  it('takes the latest value and time of end from the message', () => {
    const { member, life } = aMember(told);
    expect(advance(member, life.goesOn({ value: 97, time: 5 }), false, NOW)).toMatchObject({ facts: { value: 97, end_time: null } });
    expect(advance(member, life.recovers({ value: 3, time: 9 }), false, NOW)).toMatchObject({ facts: { value: 3, end_time: 9 } });
  });
});

describe('a message that changes nothing', () => {
  it('is one that came before', () => {
    const { member } = aMember();
    expect(advance(member, new AlertLife('a').fires(), false, NOW)).toBe('already_applied');
  });

  it('is any after the end', () => {
    const { member, life } = aMember();
    const over = advance(member, life.recovers(), false, NOW) as Membership;
    expect(advance(over, life.goesOn(), false, NOW)).toBe('ended');
  });
});
