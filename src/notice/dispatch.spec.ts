import { aGroup, aResolvedGroup } from '../../test/support/notices.js';
import { dispatch, type NotificationHistory } from './dispatch.js';
import { parseReceiver, type Receiver } from './receiver.js';

const receiver = (name: string, fields: object = {}): Receiver => ({
  ...parseReceiver({ name, channel: 'console', ...fields }),
  id: 1,
  created_at: 0,
  updated_at: 0,
});
const receivers = [
  receiver('ops'),
  receiver('dba', { is_default: false }),
  receiver('quiet', { is_default: false, send_resolved: false }),
  receiver('away', { is_enabled: false }),
];
const never = (): undefined => undefined;
const notified = (): NotificationHistory => ({ latest: 1, notified: true });

describe('the receivers of a group', () => {
  it.each([
    ['the default receivers when nobody is named', aGroup(), never, [{ receiver: 'ops' }]],
    ['those who are named', aGroup({ receivers: ['dba', 'ops'] }), never, [{ receiver: 'dba' }, { receiver: 'ops' }]],
    ['each of them once', aGroup({ receivers: ['dba', 'dba'] }), never, [{ receiver: 'dba' }]],
    [
      'not one who does not exist, while others are notified',
      aGroup({ receivers: ['dba', 'nobody'] }),
      never,
      [{ receiver: 'dba' }, { receiver: 'nobody', notSent: 'unknown_receiver' }],
    ],
    ['not one who is disabled', aGroup({ receivers: ['away'] }), never, [{ receiver: 'away', notSent: 'receiver_disabled' }]],
    ['the end, to those who were notified of the beginning', aResolvedGroup(), notified, [{ receiver: 'ops' }]],
    ['not the end to one who never heard of it', aResolvedGroup(), never, [{ receiver: 'ops', notSent: 'never_notified' }]],
    [
      'not the end when earlier notices were not sent either',
      aResolvedGroup(),
      (): NotificationHistory => ({ latest: 1, notified: false }),
      [{ receiver: 'ops', notSent: 'never_notified' }],
    ],
    [
      'not the end to one who does not want it',
      aResolvedGroup({ receivers: ['quiet'] }),
      notified,
      [{ receiver: 'quiet', notSent: 'resolved_not_wanted' }],
    ],
    [
      'not that a part is over to one who does not want it',
      aGroup({ receivers: ['quiet'], sequence: 2, reason: 'some alerts resolved' }),
      notified,
      [{ receiver: 'quiet', notSent: 'resolved_not_wanted' }],
    ],
    [
      'everything else to one who does not want the end',
      aGroup({ receivers: ['quiet'], sequence: 2, reason: 'new alerts added' }),
      notified,
      [{ receiver: 'quiet' }],
    ],
    ['not what is overtaken', aGroup(), (): NotificationHistory => ({ latest: 2, notified: true }), [{ receiver: 'ops', notSent: 'overtaken' }]],
  ])('%s', (_what, group, history, decisions) => {
    expect(dispatch(group, receivers, history)).toEqual(decisions);
  });

  it('returns no notice without a receiver, and reports that', () => {
    expect(dispatch(aGroup(), [receiver('away', { is_enabled: false })], never)).toEqual([{ receiver: '', notSent: 'no_receiver' }]);
  });
});
