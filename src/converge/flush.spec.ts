import { emptyTally, flushReason, receiversOf, silentEnd, type Tally } from './flush.js';
import { changed } from './group.js';
import { policyOf } from './policy.js';

const policy = policyOf(undefined, {
  GROUP_WAIT_MS: 10_000,
  GROUP_INTERVAL_MS: 60_000,
  REPEAT_INTERVAL_MS: 600_000,
  STORM_THRESHOLD: 50,
  STORM_WINDOW_MS: 60_000,
});

describe('why a group is told', () => {
  const TOLD = 1_000_000;
  const soon = TOLD + 60_000;
  const late = TOLD + 600_000;
  it.each<[string, 'group' | 'storm', number | null, Partial<Tally>, number, ReturnType<typeof flushReason>]>([
    ['something fires that nobody knows', 'group', null, { untold: 1 }, soon, 'first notification'],
    ['nothing fires any more and nothing was told', 'group', null, {}, soon, undefined],
    ['it ended, but only because we were late', 'group', null, { late: 1 }, soon, 'first notification'],
    ['another alert fires', 'group', TOLD, { told: 1, untold: 1 }, soon, 'new alerts added'],
    ['new alerts go before raised ones', 'group', TOLD, { told: 1, untold: 1, raised: 1 }, soon, 'new alerts added'],
    ['one is more severe', 'group', TOLD, { raised: 1, resolved: 1 }, soon, 'severity raised'],
    ['one ended, others fire', 'group', TOLD, { told: 1, resolved: 1 }, soon, 'some alerts resolved'],
    ['all ended', 'group', TOLD, { resolved: 2 }, soon, 'all alerts resolved'],
    ['the told ones ended and another fires: the blind spot of Alertmanager', 'group', TOLD, { resolved: 1, untold: 1 }, soon, 'new alerts added'],
    ['nothing changed', 'group', TOLD, { told: 1 }, soon, undefined],
    ['nothing changed for the repeat interval', 'group', TOLD, { told: 1 }, late, 'repeat interval elapsed'],
    ['nothing changed for a little less', 'group', TOLD, { told: 1 }, late - 1, undefined],
    ['a storm begins', 'storm', null, { untold: 51 }, soon, 'storm opened'],
    ['a storm takes another', 'storm', TOLD, { told: 51, untold: 1 }, soon, 'storm updated'],
    ['one that the storm only counted ended', 'storm', TOLD, { told: 51, gone: 1 }, soon, 'storm updated'],
    ['a storm goes on as it was', 'storm', TOLD, { told: 51, counted: 100 }, soon, undefined],
    ['a storm goes on as it was for the repeat interval', 'storm', TOLD, { counted: 1 }, late, 'repeat interval elapsed'],
    ['a storm is over', 'storm', TOLD, { resolved: 3, gone: 50 }, soon, 'all alerts resolved'],
  ])('%s', (_, kind, told_at, tally, now, reason) => {
    expect(flushReason({ kind, told_at }, { ...emptyTally, ...tally }, policy, now)).toBe(reason);
  });

  it('is never the repetition before the group interval, whatever the repeat interval', () => {
    const impatient = { ...policy, repeatInterval: 1000 };
    expect(flushReason({ kind: 'group', told_at: TOLD }, { ...emptyTally, told: 1 }, impatient, TOLD + 59_999)).toBeUndefined();
    expect(flushReason({ kind: 'group', told_at: TOLD }, { ...emptyTally, told: 1 }, impatient, TOLD + 60_000)).toBe('repeat interval elapsed');
  });

  it('is the repetition at most once a second, even when both intervals are 0', () => {
    const restless = { ...policy, repeatInterval: 0, groupInterval: 0 };
    expect(flushReason({ kind: 'group', told_at: TOLD }, { ...emptyTally, told: 1 }, restless, TOLD)).toBeUndefined();
    expect(flushReason({ kind: 'group', told_at: TOLD }, { ...emptyTally, told: 1 }, restless, TOLD + 1000)).toBe('repeat interval elapsed');
  });
});

describe('a group that ends in silence', () => {
  it.each([
    ['its alerts ended before anybody was told', 3, 'ended_before_first_notice'],
    ['a storm took them all', 0, 'moved_to_storm'],
  ])('%s', (_, joined, reason) => expect(silentEnd({ joined })).toBe(reason));
});

describe('when a change is told', () => {
  const NOW = 1_000_000;
  it.each<[string, number | null, number | null, number | null]>([
    ['a group that waits for its first notice goes on waiting', null, NOW + 5000, NOW + 5000],
    ['long after the latest message: after the group wait', NOW - 3_600_000, NOW + 99_000, NOW + 10_000],
    ['soon after the latest message: at the group interval', NOW - 20_000, NOW + 99_000, NOW + 40_000],
    ['an earlier time stays', NOW - 3_600_000, NOW + 2000, NOW + 2000],
    ['when nothing was planned', NOW - 3_600_000, null, NOW + 10_000],
  ])('%s', (_, told_at, next_flush_at, due) => {
    expect(changed({ told_at, next_flush_at }, policy, NOW).next_flush_at).toBe(due);
  });

  it('waits no longer than the group interval', () => {
    expect(changed({ told_at: 0, next_flush_at: null }, { ...policy, groupInterval: 3000 }, NOW).next_flush_at).toBe(NOW + 3000);
  });
});

describe('whom a message goes to', () => {
  it.each([
    ['at first: the receivers of the strategy', null, ['a'], ['a']],
    ['at first, without any: the default ones', null, [], []],
    ['a new receiver joins', ['a'], ['a', 'b'], ['a', 'b']],
    ['a removed one hears the end', ['a', 'b'], ['b'], ['a', 'b']],
    ['all removed hear the end', ['a'], [], ['a']],
    ['a life that told the default receivers stays with them', [], ['a'], []],
  ])('%s', (_, told, current, receivers) => expect(receiversOf(told, current)).toEqual(receivers));
});
