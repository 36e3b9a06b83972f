import { aGroup, aResolvedGroup } from '../../test/support/notices.js';
import { dispatch, type History } from './dispatch.js';
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
const told = (): History => ({ latest: 1, told: true });

describe('the receivers of a group', () => {
  it.each([
    ['the default receivers when nobody is named', aGroup(), never, [{ receiver: 'ops' }]],
    ['those who are named', aGroup({ receivers: ['dba', 'ops'] }), never, [{ receiver: 'dba' }, { receiver: 'ops' }]],
    ['each of them once', aGroup({ receivers: ['dba', 'dba'] }), never, [{ receiver: 'dba' }]],
    [
      'not one who does not exist, while others are told',
      aGroup({ receivers: ['dba', 'nobody'] }),
      never,
      [{ receiver: 'dba' }, { receiver: 'nobody', untold: 'unknown_receiver' }],
    ],
    ['not one who is disabled', aGroup({ receivers: ['away'] }), never, [{ receiver: 'away', untold: 'receiver_disabled' }]],
    ['the end, to those who were told the beginning', aResolvedGroup(), told, [{ receiver: 'ops' }]],
    ['not the end to one who never heard of it', aResolvedGroup(), never, [{ receiver: 'ops', untold: 'never_told' }]],
    [
      'not the end when earlier notices were not sent either',
      aResolvedGroup(),
      (): History => ({ latest: 1, told: false }),
      [{ receiver: 'ops', untold: 'never_told' }],
    ],
    [
      'not the end to one who does not want it',
      aResolvedGroup({ receivers: ['quiet'] }),
      told,
      [{ receiver: 'quiet', untold: 'resolved_not_wanted' }],
    ],
    [
      'not that a part is over to one who does not want it',
      aGroup({ receivers: ['quiet'], sequence: 2, reason: 'some alerts resolved' }),
      told,
      [{ receiver: 'quiet', untold: 'resolved_not_wanted' }],
    ],
    [
      'everything else to one who does not want the end',
      aGroup({ receivers: ['quiet'], sequence: 2, reason: 'new alerts added' }),
      told,
      [{ receiver: 'quiet' }],
    ],
    ['not what is overtaken', aGroup(), (): History => ({ latest: 2, told: true }), [{ receiver: 'ops', untold: 'overtaken' }]],
  ])('%s', (_what, group, history, decisions) => {
    expect(dispatch(group, receivers, history)).toEqual(decisions);
  });

  it('returns no notice without a receiver, and reports that', () => {
    expect(dispatch(aGroup(), [receiver('away', { is_enabled: false })], never)).toEqual([{ receiver: '', untold: 'no_receiver' }]);
  });
});
