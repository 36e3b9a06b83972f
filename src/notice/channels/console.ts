import { z } from 'zod';
import type { ConvergedAlert } from '../../topics.js';
import { severityNames } from '../../shared/severity.js';
import { channel } from './channel.js';

const MOST_NAMES = 3;

/** Writes one line to the log of this process. */
export const consoleChannel = channel(z.strictObject({}), ({ group, receiver }, _settings, outbound) => {
  outbound.print(`${headline(group)} | receiver=${receiver} converge_id=${group.converge_id} sequence=${group.sequence}`);
  return Promise.resolve({ kind: 'delivered' });
});

/** Summary of a message, in the order status, severity, name; line breaks in names and descriptions become spaces. */
export function headline({ status, severity, kind, reason, counts, members, dimensions }: ConvergedAlert): string {
  const names = [...new Set(members.map(({ alert_name }) => alert_name))];
  const title = names.slice(0, MOST_NAMES).join(', ') + (names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '');
  const where = Object.entries(dimensions).map(([name, value]) => `${name}=${value}`);
  const what = counts.total > 1 ? `${counts.firing} firing, ${counts.resolved} resolved` : (members[0]?.description ?? '');
  const parts = [status.toUpperCase(), severityNames[severity], kind === 'single' || kind === 'group' ? '' : kind, title, where.join(' ')];
  return `${parts.filter(Boolean).join(' ')}: ${what} (${reason})`.replace(/\s+/g, ' ');
}
