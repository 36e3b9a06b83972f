import { anAlertEvent } from '../../test/support/builders.js';
import { emptyTally, type Tally } from './flush.js';
import { openGroup } from './group.js';
import { born, type Membership, type Phase } from './membership.js';
import { compose, list } from './message.js';
import { policyOf } from './policy.js';

const settings = { GROUP_WAIT_MS: 0, GROUP_INTERVAL_MS: 0, REPEAT_INTERVAL_MS: 0, STORM_THRESHOLD: 50, STORM_WINDOW_MS: 60_000 };
const policy = policyOf(undefined, settings);
const PLENTY = 1_000_000;

function members(count: number, phase: Phase, of: (index: number) => Partial<Membership> = () => ({})): Membership[] {
  return Array.from({ length: count }, (_, index) => ({
    ...born(anAlertEvent({ alert_id: `${phase}-${index}`, description: 'x'.repeat(100) }), 'g', index),
    phase,
    ...of(index),
  }));
}

const tally = (of: Partial<Tally>): Tally => ({ ...emptyTally, severity: 2, ...of });
const phases = (listed: readonly Membership[]): Phase[] => listed.map(({ phase }) => phase);
const aGroup = (kind: 'group' | 'storm', joined: number) => ({
  ...openGroup({ kind, group_key: 'k', scope_key: 's', dimensions: {} }, anAlertEvent(), policy, 0),
  joined,
});

describe('whom a message of a group names', () => {
  it('everybody, news first', () => {
    const all = [...members(1, 'told'), ...members(1, 'resolved'), ...members(1, 'raised'), ...members(1, 'untold')];
    const { listed, complete } = list('group', all, tally({ told: 1, resolved: 1, raised: 1, untold: 1 }), PLENTY);
    expect(phases(listed)).toEqual(['untold', 'raised', 'resolved', 'told']);
    expect(complete).toBe(true);
  });

  it('as many as fit, and then more is to come', () => {
    const { listed, complete } = list('group', members(600, 'untold'), tally({ untold: 600 }), PLENTY);
    expect(listed).toHaveLength(500);
    expect(complete).toBe(false);
  });

  it('as many as fit into the bytes of a record, but always one', () => {
    const three = list('group', members(3, 'untold'), tally({ untold: 3 }), 1000);
    expect(three.listed.length).toBeLessThan(3);
    expect(three.complete).toBe(false);
    expect(list('group', members(3, 'untold'), tally({ untold: 3 }), 1).listed).toHaveLength(1);
  });

  it('leaves told ones out when news fill the message, and that is complete', () => {
    const { listed, complete } = list('group', [...members(400, 'told'), ...members(500, 'untold')], tally({ told: 400, untold: 500 }), PLENTY);
    expect(new Set(phases(listed))).toEqual(new Set(['untold']));
    expect(complete).toBe(true);
  });
});

describe('whom the digest of a storm names', () => {
  it('the hundred most severe, and among equals the newest', () => {
    const all = members(300, 'untold', (index) => ({ severity: index === 7 ? 1 : 2 }));
    const { listed, complete } = list('storm', all, tally({ untold: 300 }), PLENTY);
    expect(listed).toHaveLength(100);
    expect(listed.slice(0, 3).map(({ alert_id }) => alert_id)).toEqual(['untold-7', 'untold-299', 'untold-298']);
    expect(complete).toBe(true);
  });

  it('besides them every ended one that was named before', () => {
    const { listed } = list('storm', [...members(150, 'told'), ...members(50, 'resolved')], tally({ told: 150, resolved: 50 }), PLENTY);
    expect(phases(listed).filter((phase) => phase === 'resolved')).toHaveLength(50);
    expect(phases(listed).filter((phase) => phase === 'told')).toHaveLength(100);
  });
});

describe('the message of a group', () => {
  it('counts exactly what it cannot name', () => {
    const counts = tally({ untold: 300, told: 20, counted: 30, resolved: 2, gone: 5 });
    const message = compose(aGroup('storm', 1000), 'storm updated', list('storm', members(300, 'untold'), counts, PLENTY), counts, policy, 99);
    expect(message).toMatchObject({ counts: { firing: 350, resolved: 650, total: 1000 }, sequence: 1, status: 'firing', time: 99 });
  });

  it('tells the end with the last page only', () => {
    const ended = members(600, 'resolved');
    const page = list('group', ended, tally({ resolved: 600 }), PLENTY);
    expect(compose(aGroup('group', 600), 'all alerts resolved', page, tally({ resolved: 600 }), policy, 1)).toMatchObject({
      reason: 'some alerts resolved',
      status: 'firing',
    });
    const last = list('group', ended.slice(500), tally({ resolved: 100 }), PLENTY);
    expect(compose(aGroup('group', 600), 'all alerts resolved', last, tally({ resolved: 100 }), policy, 1)).toMatchObject({
      reason: 'all alerts resolved',
      status: 'resolved',
      counts: { firing: 0, resolved: 100, total: 100 },
    });
  });

  it('shows an alert whose telling is late as it was when it was due', () => {
    const [over] = members(1, 'late');
    const late: Membership = { ...over!, facts: { ...over!.facts, status: 'RECOVERED', end_time: 5 } };
    const message = compose(
      aGroup('group', 1),
      'first notification',
      list('group', [late], tally({ late: 1 }), PLENTY),
      tally({ late: 1 }),
      policy,
      9,
    );
    expect(message.members[0]).toMatchObject({ status: 'ABNORMAL', end_time: null });
    expect(message.counts).toEqual({ firing: 1, resolved: 0, total: 1 });
  });
});
