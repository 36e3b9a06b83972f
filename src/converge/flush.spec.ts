import { emptyTally, flushReason, receiversOf, endWithoutNotice, type Tally } from './flush.js';
import { scheduleFlush } from './group.js';
import { policyOf } from './policy.js';

const policy = policyOf(undefined, {
  GROUP_WAIT_MS: 10_000,
  GROUP_INTERVAL_MS: 60_000,
  REPEAT_INTERVAL_MS: 600_000,
  STORM_THRESHOLD: 50,
  STORM_WINDOW_MS: 60_000,
});

describe('the reason of a message', () => {
  const NOTIFIED = 1_000_000;
  const soon = NOTIFIED + 60_000;
  const late = NOTIFIED + 600_000;
  it.each<[string, 'group' | 'storm', number | null, Partial<Tally>, number, ReturnType<typeof flushReason>]>([
    ['a first alert fires', 'group', null, { pending: 1 }, soon, 'first notification'],
    ['nothing fires any more and no message was sent', 'group', null, {}, soon, undefined],
    ['the alert ended after its notification was due', 'group', null, { pending_late: 1 }, soon, 'first notification'],
    ['another alert fires', 'group', NOTIFIED, { notified: 1, pending: 1 }, soon, 'new alerts added'],
    ['new alerts go before raised severities', 'group', NOTIFIED, { notified: 1, pending: 1, severity_raised: 1 }, soon, 'new alerts added'],
    ['one is more severe', 'group', NOTIFIED, { severity_raised: 1, resolved_pending: 1 }, soon, 'severity raised'],
    ['one ended, others fire', 'group', NOTIFIED, { notified: 1, resolved_pending: 1 }, soon, 'some alerts resolved'],
    ['all ended', 'group', NOTIFIED, { resolved_pending: 2 }, soon, 'all alerts resolved'],
    [
      'the notified ones ended and another fires: the blind spot of Alertmanager',
      'group',
      NOTIFIED,
      { resolved_pending: 1, pending: 1 },
      soon,
      'new alerts added',
    ],
    ['nothing changed', 'group', NOTIFIED, { notified: 1 }, soon, undefined],
    ['nothing changed for the repeat interval', 'group', NOTIFIED, { notified: 1 }, late, 'repeat interval elapsed'],
    ['nothing changed for a little less', 'group', NOTIFIED, { notified: 1 }, late - 1, undefined],
    ['a storm begins', 'storm', null, { pending: 51 }, soon, 'storm opened'],
    ['another alert joins a storm', 'storm', NOTIFIED, { notified: 51, pending: 1 }, soon, 'storm updated'],
    ['an alert ended that the storm only counted', 'storm', NOTIFIED, { notified: 51, resolved_counted: 1 }, soon, 'storm updated'],
    ['a storm goes on as it was', 'storm', NOTIFIED, { notified: 51, counted: 100 }, soon, undefined],
    ['a storm goes on as it was for the repeat interval', 'storm', NOTIFIED, { counted: 1 }, late, 'repeat interval elapsed'],
    ['a storm is over', 'storm', NOTIFIED, { resolved_pending: 3, resolved_counted: 50 }, soon, 'all alerts resolved'],
  ])('%s', (_, kind, notified_at, tally, now, reason) => {
    expect(flushReason({ kind, notified_at }, { ...emptyTally, ...tally }, policy, now)).toBe(reason);
  });

  it('is never the repetition before the group interval, whatever the repeat interval', () => {
    const impatient = { ...policy, repeatInterval: 1000 };
    expect(flushReason({ kind: 'group', notified_at: NOTIFIED }, { ...emptyTally, notified: 1 }, impatient, NOTIFIED + 59_999)).toBeUndefined();
    expect(flushReason({ kind: 'group', notified_at: NOTIFIED }, { ...emptyTally, notified: 1 }, impatient, NOTIFIED + 60_000)).toBe(
      'repeat interval elapsed',
    );
  });

  it('is the repetition at most once a second, even when both intervals are 0', () => {
    const restless = { ...policy, repeatInterval: 0, groupInterval: 0 };
    expect(flushReason({ kind: 'group', notified_at: NOTIFIED }, { ...emptyTally, notified: 1 }, restless, NOTIFIED)).toBeUndefined();
    expect(flushReason({ kind: 'group', notified_at: NOTIFIED }, { ...emptyTally, notified: 1 }, restless, NOTIFIED + 1000)).toBe(
      'repeat interval elapsed',
    );
  });
});

describe('a group that ends without a message', () => {
  it.each([
    ['its alerts ended before the first message', 3, 'ended_before_first_notice'],
    ['all were moved to a storm', 0, 'moved_to_storm'],
  ])('%s', (_, joined, reason) => expect(endWithoutNotice({ joined })).toBe(reason));
});

describe('when the message about a change is due', () => {
  const NOW = 1_000_000;
  it.each<[string, number | null, number | null, number | null]>([
    ['a pending group keeps its group wait', null, NOW + 5000, NOW + 5000],
    ['long after the latest message: after the group wait', NOW - 3_600_000, NOW + 99_000, NOW + 10_000],
    ['soon after the latest message: at the group interval', NOW - 20_000, NOW + 99_000, NOW + 40_000],
    ['an earlier time stays', NOW - 3_600_000, NOW + 2000, NOW + 2000],
    ['when nothing was planned', NOW - 3_600_000, null, NOW + 10_000],
  ])('%s', (_, notified_at, next_flush_at, due) => {
    expect(scheduleFlush({ notified_at, next_flush_at }, policy, NOW).next_flush_at).toBe(due);
  });

  it('waits no longer than the group interval', () => {
    expect(scheduleFlush({ notified_at: 0, next_flush_at: null }, { ...policy, groupInterval: 3000 }, NOW).next_flush_at).toBe(NOW + 3000);
  });
});

describe('the receivers of a message', () => {
  it.each([
    ['at first: the receivers of the strategy', null, ['a'], ['a']],
    ['at first, without any: the default ones', null, [], []],
    ['a new receiver joins', ['a'], ['a', 'b'], ['a', 'b']],
    ['a removed one is still notified', ['a', 'b'], ['b'], ['a', 'b']],
    ['all removed are still notified', ['a'], [], ['a']],
    ['a life that notified the default receivers keeps to them', [], ['a'], []],
  ])('%s', (_, notified, current, receivers) => expect(receiversOf(notified, current)).toEqual(receivers));
});
