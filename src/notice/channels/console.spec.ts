import { aGroup, aMember, aResolvedGroup } from '../../../test/support/notices.js';
import { consoleChannel, headline } from './console.js';
import { Outbound } from './outbound.client.js';

describe('the line of a notice in our own log', () => {
  it('begins with status, alert and dimensions', () => {
    expect(headline(aGroup())).toBe('FIRING warning CPU is high host=web-1: avg(cpu) = 95 > 80 (first notification)');
    expect(headline(aResolvedGroup())).toBe('RESOLVED warning CPU is high host=web-1: avg(cpu) = 95 > 80 (all alerts resolved)');
  });

  it('counts instead of listing a storm', () => {
    const members = ['A', 'B', 'C', 'D'].map((alert_name) => aMember({ alert_name, alert_id: alert_name.toLowerCase() }));
    const storm = aGroup({ kind: 'storm', reason: 'storm opened', severity: 1, members, dimensions: {} });
    expect(headline(storm)).toBe('FIRING fatal storm A, B, C and 1 more: 4 firing, 0 resolved (storm opened)');
  });

  it('is a single line for any description', () => {
    expect(headline(aGroup({ members: [aMember({ description: 'a\nFIRING b' })] }))).not.toContain('\n');
  });

  it('names the receiver and the message, so that it can be found again', async () => {
    const outbound = new Outbound();
    const print = jest.spyOn(outbound, 'print').mockImplementation();
    const delivery = {
      receiver: 'ops',
      settings: {},
      sendResolved: true,
      group: aGroup(),
      idempotencyKey: 'k',
      externalUrl: '',
      signal: new AbortController().signal,
    };
    expect(await consoleChannel.deliver(delivery, outbound)).toEqual({ kind: 'delivered' });
    expect(print).toHaveBeenCalledWith(expect.stringMatching(/^FIRING .* \| receiver=ops converge_id=group-1 sequence=1$/));
    await outbound.onApplicationShutdown();
  });
});
