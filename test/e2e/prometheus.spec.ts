import { type Binary, type Mode, modes, start } from '../support/binary.js';
import { eventually } from '../support/eventually.js';
import { Processors, type Prometheus, startPrometheus } from '../support/prometheus.js';
import { WebhookSink } from '../support/tocsin.js';

describe.each(modes)('real Prometheus and node exporter, %s', (_name, open) => {
  let mode: Mode;
  let tocsin: Binary;
  let prometheus: Prometheus;
  let sink: WebhookSink;
  let processors: Processors;
  beforeAll(async () => {
    processors = new Processors();
    mode = await open();
    tocsin = await start({ ...mode.settings, RULES_PATH: 'examples/prometheus/tocsin.yaml' });
    sink = new WebhookSink();
    await tocsin.client.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url: await sink.listen() } });
    // The shipped strategy, with the same rhythm as the faster Prometheus.
    const { body } = await tocsin.client.get<{ strategies: { id: number; items: { lateness: number; queries: { interval: number }[] }[] }[] }>(
      '/api/v1/strategies',
    );
    const { id, version: _version, ...strategy } = structuredClone(body.strategies[0]!) as (typeof body.strategies)[0] & { version?: number };
    strategy.items[0]!.lateness = 1;
    strategy.items[0]!.queries[0]!.interval = 2;
    expect((await tocsin.client.call('PUT', `/api/v1/strategies/${id}`, strategy)).status).toBe(200);
    prometheus = await startPrometheus(tocsin.client.url, processors);
  }, 120_000);
  afterAll(async () => {
    prometheus?.stop();
    processors?.close();
    sink?.close();
    await tocsin?.close();
    await mode?.close();
  });

  const alert = async (name: string) => (await tocsin.client.alerts()).find(({ alert_name }) => alert_name === name);
  const told = (name: string, status: string) =>
    sink.received(`${name} is ${status}`, ({ body }) => body.status === status && body.alerts.some(({ labels }) => labels['alertname'] === name));

  it('fires on load, by our strategy on remote write and by the rule of Prometheus, and both recover when the load ends', async () => {
    processors.load(0.95);
    await eventually(async () => (await alert('CPU is busy'))?.status === 'ABNORMAL', 'our alert on the samples', 120_000);
    await eventually(async () => (await alert('CpuBusyByPrometheus')) !== undefined, 'the alert of Prometheus', 120_000);
    await told('CPU is busy', 'firing');
    await told('CpuBusyByPrometheus', 'firing');
    processors.load(0.1);
    await told('CPU is busy', 'resolved');
    await told('CpuBusyByPrometheus', 'resolved');
    expect((await alert('CpuBusyByPrometheus'))?.labels).toMatchObject({ severity: 'warning' });
  }, 300_000);
});
