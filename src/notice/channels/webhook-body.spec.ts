import { NOON } from '../../../test/support/builders.js';
import { aGroup, aMember, aResolvedGroup } from '../../../test/support/notices.js';
import type { ConvergedAlert } from '../../topics.js';
import { type BodyOptions, webhookBody } from './webhook-body.js';

const options: BodyOptions = { receiver: 'ops', externalUrl: 'http://tocsin.example', sendResolved: true, maxAlerts: 0 };
interface Body {
  receiver: string;
  status: string;
  alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string>; endsAt: string; fingerprint: string }[];
  commonLabels: Record<string, string>;
  commonAnnotations: Record<string, string>;
  truncatedAlerts: number;
}
const body = (group: ConvergedAlert, changed: Partial<BodyOptions> = {}): Body => JSON.parse(webhookBody(group, { ...options, ...changed })) as Body;

const both = aGroup({
  members: [
    aMember({ labels: { host: 'web-1', rack: 'r7' } }),
    aMember({ alert_id: 'alert-2', labels: { host: 'web-2', rack: 'r7' }, status: 'RECOVERED', end_time: NOON + 60_000 }),
  ],
});

describe('the body of a webhook', () => {
  it('has every field of the Alertmanager contract, version 4', () => {
    expect(body(aGroup({ members: [aMember({ alert_key: '0123456789abcdef0123456789abcdef', generator_url: 'http://graph' })] }))).toEqual({
      receiver: 'ops',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'CPU is high', severity: 'warning', bk_biz_id: '2', host: 'web-1' },
          annotations: { summary: 'avg(cpu) = 95 > 80', value: '95', tocsin_alert_id: 'alert-1', tocsin_reason: 'group: first notification' },
          startsAt: '2026-01-15T12:00:00.000Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: 'http://graph',
          fingerprint: '0123456789abcdef',
        },
      ],
      notification_reason: 'first notification',
      groupLabels: { host: 'web-1' },
      commonLabels: { alertname: 'CPU is high', severity: 'warning', bk_biz_id: '2', host: 'web-1' },
      commonAnnotations: { summary: 'avg(cpu) = 95 > 80', value: '95', tocsin_alert_id: 'alert-1', tocsin_reason: 'group: first notification' },
      externalURL: 'http://tocsin.example',
      version: '4',
      groupKey: '{}:{host="web-1"}',
      truncatedAlerts: 0,
    });
  });

  it('says when what is over ended', () => {
    const over = body(aResolvedGroup());
    expect(over.status).toBe('resolved');
    expect(over.alerts).toMatchObject([{ status: 'resolved', endsAt: '2026-01-15T12:01:00.000Z' }]);
  });

  it('has in common what all alerts have', () => {
    expect(body(both).commonLabels).toEqual({ alertname: 'CPU is high', severity: 'warning', bk_biz_id: '2', rack: 'r7' });
    expect(body(both).commonAnnotations).not.toHaveProperty('tocsin_alert_id');
  });

  it('keeps labels and annotations that the alert brought itself', () => {
    const member = aMember({ labels: { alertname: 'DiskFull', severity: 'page' }, annotations: { summary: 'Disk is full', runbook: 'http://r' } });
    const [alert] = body(aGroup({ members: [member] })).alerts;
    expect(alert!.labels).toMatchObject({ alertname: 'DiskFull', severity: 'page' });
    expect(alert!.annotations).toMatchObject({ summary: 'Disk is full', runbook: 'http://r' });
  });

  it('omits resolved alerts for receivers without send_resolved', () => {
    expect(body(both, { sendResolved: false }).alerts.map(({ status }) => status)).toEqual(['firing']);
    expect(body(both, { sendResolved: false }).truncatedAlerts).toBe(0);
  });

  it('says how many alerts it leaves out, by our limit or because the digest is one', () => {
    expect(body(both, { maxAlerts: 1 })).toMatchObject({ alerts: [{ labels: { host: 'web-1' } }], truncatedAlerts: 1 });
    expect(body({ ...both, counts: { firing: 299, resolved: 1, total: 300 } }).truncatedAlerts).toBe(298);
  });

  it('has no value annotation when there is no value', () => {
    expect(body(aGroup({ members: [aMember({ value: null })] })).alerts[0]!.annotations).not.toHaveProperty('value');
  });

  it('contains the receiver in the form of the Alertmanager contract', () => {
    expect(body(aGroup(), { receiver: 'team.x' }).receiver).toBe('team\\.x');
  });

  it('is safe to embed in HTML, and ends with a newline', () => {
    const text = webhookBody(aGroup({ members: [aMember({ description: '</script>&\u2028' })] }), options);
    expect(text).toContain('\\u003c/script\\u003e\\u0026\\u2028');
    expect(text.endsWith('}\n')).toBe(true);
  });
});
