import { AlertLife } from '../../test/support/converge.js';
import { type ConvergeMember, createMember, updateMember } from './converge-member.js';
import type { Phase } from './member-phase.js';

const NOW = 1000;

function aMember(of: Partial<ConvergeMember> = {}): { member: ConvergeMember; life: AlertLife } {
  const life = new AlertLife('a');
  return { life, member: { ...createMember(life.fires(), 'g', NOW), ...of } };
}

const listed = { notified_severity: 2, notified_firing_seq: 1 } as const;
const counted = { notified_severity: 2, notified_firing_seq: null } as const;

describe('the phase of a member', () => {
  it.each<[string, Partial<ConvergeMember>, boolean, Phase]>([
    ['a pending one that was not due is never notified', { phase: 'pending' }, false, 'never_notified'],
    ['a pending one that was due is still notified', { phase: 'pending' }, true, 'pending_late'],
    ['a notified one has its end to send', { phase: 'notified', ...listed }, false, 'resolved_pending'],
    ['one with a raised severity has its end to send', { phase: 'severity_raised', ...listed }, false, 'resolved_pending'],
    ['a counted one changes the counts', { phase: 'counted', ...counted }, false, 'resolved_counted'],
    ['a counted one with a raised severity changes the counts', { phase: 'severity_raised', ...counted }, false, 'resolved_counted'],
  ])('when it ends, %s', (_, of, isOverdue, phase) => {
    const { member, life } = aMember(of);
    expect(updateMember(member, life.recovers(), isOverdue, NOW + 5)).toMatchObject({ phase, ended_at: NOW + 5, alert: { status: 'RECOVERED' } });
  });

  it.each<[string, Partial<ConvergeMember>, 1 | 2 | 3, Phase]>([
    ['pending stays pending', { phase: 'pending' }, 1, 'pending'],
    ['notified and more severe is severity_raised', { phase: 'notified', ...listed }, 1, 'severity_raised'],
    ['notified and less severe stays notified', { phase: 'notified', ...listed }, 3, 'notified'],
    ['severity_raised and back is notified', { phase: 'severity_raised', ...listed }, 2, 'notified'],
    ['counted and more severe is severity_raised', { phase: 'counted', ...counted }, 1, 'severity_raised'],
    ['counted, raised and back is counted', { phase: 'severity_raised', ...counted }, 2, 'counted'],
  ])('when its severity changes, %s', (_, of, severity, phase) => {
    const { member, life } = aMember(of);
    expect(updateMember(member, life.turns(severity), false, NOW)).toMatchObject({ phase, severity, alert: { severity } });
  });

  it('comes with the reason when it is never_notified, and with none otherwise', () => {
    const { member, life } = aMember();
    const end = life.recovers();
    expect(updateMember(member, end, false, NOW)).toMatchObject({ not_notified_reason: 'ended_before_notice' });
    expect(updateMember(member, end, true, NOW)).toMatchObject({ not_notified_reason: null });
  });

  it('takes the latest value and time of end from the message', () => {
    const { member, life } = aMember(listed);
    expect(updateMember(member, life.goesOn({ value: 97, time: 5 }), false, NOW)).toMatchObject({ alert: { value: 97, end_time: null } });
    expect(updateMember(member, life.recovers({ value: 3, time: 9 }), false, NOW)).toMatchObject({ alert: { value: 3, end_time: 9 } });
  });
});

describe('a message that changes nothing', () => {
  it('is one that came before', () => {
    const { member } = aMember();
    expect(updateMember(member, new AlertLife('a').fires(), false, NOW)).toBe('already_applied');
  });

  it('is any after the end', () => {
    const { member, life } = aMember();
    const over = updateMember(member, life.recovers(), false, NOW) as ConvergeMember;
    expect(updateMember(over, life.goesOn(), false, NOW)).toBe('ended');
  });
});
