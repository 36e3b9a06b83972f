import type { ConvergedAlert, MemberAlert } from '../../topics.js';
import { alertLabels } from '../../shared/alert-labels.js';

/** End time of a firing alert: the zero time of the contract. */
const NOT_ENDED = '0001-01-01T00:00:00Z';

export interface BodyOptions {
  readonly receiver: string;
  readonly externalUrl: string;
  readonly sendResolved: boolean;
  /** Most alerts in the body; 0 = all. */
  readonly maxAlerts: number;
}

/** One alert of the body. */
interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
}

/**
 * The body of a notice: version 4 of the Alertmanager webhook, as JSON text with a final newline.
 * docs/notices.md lists the source of each label and annotation.
 */
export function webhookBody(group: ConvergedAlert, { receiver, externalUrl, sendResolved, maxAlerts }: BodyOptions): string {
  const members = sendResolved ? group.members : group.members.filter(isFiring);
  const alerts = members.slice(0, maxAlerts || undefined).map((member) => alertOf(member, group));
  const total = sendResolved ? group.counts.total : group.counts.firing;
  return json({
    receiver: quoted(receiver),
    status: group.status,
    alerts,
    notification_reason: group.reason,
    groupLabels: group.dimensions,
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: externalUrl,
    version: '4',
    groupKey: group.group_key,
    truncatedAlerts: Math.max(total, members.length) - alerts.length,
  });
}

const isFiring = (member: MemberAlert): boolean => member.status === 'ABNORMAL';

function alertOf(member: MemberAlert, group: ConvergedAlert): WebhookAlert {
  return {
    status: isFiring(member) ? 'firing' : 'resolved',
    labels: alertLabels({ ...member, bk_biz_id: group.bk_biz_id }),
    annotations: annotationsOf(member, group),
    startsAt: new Date(member.begin_time).toISOString(),
    endsAt: isFiring(member) || member.end_time === null ? NOT_ENDED : new Date(member.end_time).toISOString(),
    generatorURL: member.generator_url ?? '',
    fingerprint: fingerprint(member),
  };
}

function annotationsOf(member: MemberAlert, group: ConvergedAlert): Record<string, string> {
  return {
    summary: member.description,
    ...(member.value !== null && { value: String(member.value) }),
    ...member.annotations,
    tocsin_alert_id: member.alert_id,
    tocsin_reason: group.kind === 'single' ? group.reason : `${group.kind}: ${group.reason}`,
  };
}

/** The same for every alert of one key, also after its severity rose: receivers follow an alert by it. */
function fingerprint({ alert_key }: MemberAlert): string {
  return alert_key.slice(0, 16);
}

/** The pairs that all records have in common. */
function common(all: readonly Record<string, string>[]): Record<string, string> {
  const [first, ...rest] = all;
  return Object.fromEntries(Object.entries(first ?? {}).filter(([name, value]) => rest.every((other) => other[name] === value)));
}

/** Escapes the name: in the contract the receiver is a regular expression that matches it. */
function quoted(receiver: string): string {
  return receiver.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** The contract escapes characters that could end a script element, so that the body can be embedded in HTML. */
function json(body: unknown): string {
  return `${JSON.stringify(body).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
