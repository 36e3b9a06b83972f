import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface WebhookBody {
  readonly status: string;
  readonly groupLabels: Record<string, string>;
  readonly alerts: readonly { status: string; labels: Record<string, string> }[];
  readonly truncatedAlerts?: number;
  readonly notification_reason?: string;
}

export interface Sink {
  readonly url: string;
  close(): void;
}

/** A webhook receiver on the loopback interface: passes one line for each notice to `show`, and lists the latest 1000 at GET /. */
export async function openSink(show: (line: string) => void): Promise<Sink> {
  const notices: string[] = [];
  const server = createServer((request, response) => {
    receive(request, response, notices, show).catch((error: unknown) => {
      response.statusCode = 400;
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function receive(request: IncomingMessage, response: ServerResponse, notices: string[], show: (line: string) => void): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.end(notices.length > 0 ? `${notices.join('\n')}\n` : 'no notices yet\n');
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const line = summary(JSON.parse(Buffer.concat(chunks).toString('utf8')) as WebhookBody);
  notices.push(`${new Date().toISOString()} ${line}`);
  notices.splice(0, notices.length - 1000);
  show(line);
  response.end();
}

/** Formats a notice as one line: status, alert names, hosts, counts and reason. */
export function summary(body: WebhookBody): string {
  const firing = body.alerts.filter(({ status }) => status === 'firing');
  const total = body.alerts.length + (body.truncatedAlerts ?? 0);
  const names = [...new Set(body.alerts.map(({ labels }) => labels['alertname'] ?? '?'))].join(', ');
  const first = body.alerts.slice(0, 3).map(({ labels }) => labels['host'] ?? labels['instance'] ?? '');
  const who = [...first.filter(Boolean), ...(total > 3 ? [`and ${total - 3} more`] : [])].join(', ');
  return `NOTICE ${body.status.toUpperCase()} ${names}${who ? ` (${who})` : ''}: ${firing.length} firing of ${total}; ${body.notification_reason ?? ''}`;
}
