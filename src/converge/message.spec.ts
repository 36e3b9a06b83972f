import { anAlertEvent } from '../../test/support/builders.js';
import { emptyTally, type Tally } from './flush.js';
import { openGroup } from './group.js';
import { type ConvergeMember, createMember } from './converge-member.js';
import type { Phase } from './member-phase.js';
import { composeMessage, listMembers } from './message.js';
import { policyOf } from './policy.js';

const settings = { GROUP_WAIT_MS: 0, GROUP_INTERVAL_MS: 0, REPEAT_INTERVAL_MS: 0, STORM_THRESHOLD: 50, STORM_WINDOW_MS: 60_000 };
const policy = policyOf(undefined, settings);
const PLENTY = 1_000_000;

function members(count: number, phase: Phase, of: (index: number) => Partial<ConvergeMember> = () => ({})): ConvergeMember[] {
  return Array.from({ length: count }, (_, index) => ({
    ...createMember(anAlertEvent({ alert_id: `${phase}-${index}`, description: 'x'.repeat(100) }), 'g', index),
    phase,
    ...of(index),
  }));
}

const tally = (of: Partial<Tally>): Tally => ({ ...emptyTally, severity: 2, ...of });
const phases = (listed: readonly ConvergeMember[]): Phase[] => listed.map(({ phase }) => phase);
const aGroup = (kind: 'group' | 'storm', joined: number) => ({
  ...openGroup({ kind, group_key: 'k', scope_key: 's', dimensions: {} }, anAlertEvent(), policy, 0),
  joined,
});

describe('the members that a message of a group lists', () => {
  it('are all, changes first', () => {
    const all = [...members(1, 'notified'), ...members(1, 'resolved_pending'), ...members(1, 'severity_raised'), ...members(1, 'pending')];
    const { listed, complete } = listMembers('group', all, tally({ notified: 1, resolved_pending: 1, severity_raised: 1, pending: 1 }), PLENTY);
    expect(phases(listed)).toEqual(['pending', 'severity_raised', 'resolved_pending', 'notified']);
    expect(complete).toBe(true);
  });

  it('are as many as fit, and the listing is incomplete', () => {
    const { listed, complete } = listMembers('group', members(600, 'pending'), tally({ pending: 600 }), PLENTY);
    expect(listed).toHaveLength(500);
    expect(complete).toBe(false);
  });

  it('are as many as fit into the bytes of a record, but always one', () => {
    const three = listMembers('group', members(3, 'pending'), tally({ pending: 3 }), 1000);
    expect(three.listed.length).toBeLessThan(3);
    expect(three.complete).toBe(false);
    expect(listMembers('group', members(3, 'pending'), tally({ pending: 3 }), 1).listed).toHaveLength(1);
  });

  it('are without notified ones when changes fill the message, and the listing is complete', () => {
    const { listed, complete } = listMembers(
      'group',
      [...members(400, 'notified'), ...members(500, 'pending')],
      tally({ notified: 400, pending: 500 }),
      PLENTY,
    );
    expect(new Set(phases(listed))).toEqual(new Set(['pending']));
    expect(complete).toBe(true);
  });
});

describe('the members that the digest of a storm lists', () => {
  it('are the hundred most severe, and among equals the newest', () => {
    const all = members(300, 'pending', (index) => ({ severity: index === 7 ? 1 : 2 }));
    const { listed, complete } = listMembers('storm', all, tally({ pending: 300 }), PLENTY);
    expect(listed).toHaveLength(100);
    expect(listed.slice(0, 3).map(({ alert_id }) => alert_id)).toEqual(['pending-7', 'pending-299', 'pending-298']);
    expect(complete).toBe(true);
  });

  it('are besides them every ended one that was listed before', () => {
    const { listed } = listMembers(
      'storm',
      [...members(150, 'notified'), ...members(50, 'resolved_pending')],
      tally({ notified: 150, resolved_pending: 50 }),
      PLENTY,
    );
    expect(phases(listed).filter((phase) => phase === 'resolved_pending')).toHaveLength(50);
    expect(phases(listed).filter((phase) => phase === 'notified')).toHaveLength(100);
  });
});

describe('the message of a group', () => {
  it('counts exactly the members that it does not list', () => {
    const counts = tally({ pending: 300, notified: 20, counted: 30, resolved_pending: 2, resolved_counted: 5 });
    const message = composeMessage(
      aGroup('storm', 1000),
      'storm updated',
      listMembers('storm', members(300, 'pending'), counts, PLENTY),
      counts,
      policy,
      99,
    );
    expect(message).toMatchObject({ counts: { firing: 350, resolved: 650, total: 1000 }, sequence: 1, status: 'firing', time: 99 });
  });

  it('says that all are resolved in the last page only', () => {
    const ended = members(600, 'resolved_pending');
    const page = listMembers('group', ended, tally({ resolved_pending: 600 }), PLENTY);
    expect(composeMessage(aGroup('group', 600), 'all alerts resolved', page, tally({ resolved_pending: 600 }), policy, 1)).toMatchObject({
      reason: 'some alerts resolved',
      status: 'firing',
    });
    const last = listMembers('group', ended.slice(500), tally({ resolved_pending: 100 }), PLENTY);
    expect(composeMessage(aGroup('group', 600), 'all alerts resolved', last, tally({ resolved_pending: 100 }), policy, 1)).toMatchObject({
      reason: 'all alerts resolved',
      status: 'resolved',
      counts: { firing: 0, resolved: 100, total: 100 },
    });
  });

  it('lists a late member as it was when its notification was due', () => {
    const [over] = members(1, 'pending_late');
    const late: ConvergeMember = { ...over!, alert: { ...over!.alert, status: 'RECOVERED', end_time: 5 } };
    const message = composeMessage(
      aGroup('group', 1),
      'first notification',
      listMembers('group', [late], tally({ pending_late: 1 }), PLENTY),
      tally({ pending_late: 1 }),
      policy,
      9,
    );
    expect(message.members[0]).toMatchObject({ status: 'ABNORMAL', end_time: null });
    expect(message.counts).toEqual({ firing: 1, resolved: 0, total: 1 });
  });
});
