import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { EventLog } from '../../src/log/event-log.js';
import { metrics } from '../../src/runtime/metric-catalogue.js';
import { topics } from '../../src/topics.js';
import { type Mode, modes } from '../support/binary.js';
import { eventually } from '../support/eventually.js';
import { requirePrometheus, scrapingPrometheus, type ScrapingPrometheus } from '../support/prometheus.js';
import { dashboardExpressions, dashboardFiles, type Expression, groupingsOf, readMetrics, ruleExpressions, selectorsOf } from '../support/promql.js';
import { findProgram } from '../support/servers/programs.mjs';
import { aTocsin, type TestTocsin, WebhookSink } from '../support/tocsin.js';

const [modeName, open] = modes.at(-1)!;
/** What Prometheus adds to every sample. */
const TARGET = ['job', 'instance'];
const SUFFIXES = ['_bucket', '_sum', '_count'];

const promtool = (...options: string[]): string => execFileSync(findProgram('promtool'), options, { encoding: 'utf8' });

describe(`dashboards and alert rules, ${modeName}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-dashboards-'));
  const sink = new WebhookSink();
  let mode: Mode;
  let tocsin: TestTocsin;
  let prometheus: ScrapingPrometheus;
  let live: ReturnType<typeof readMetrics>;
  beforeAll(async () => {
    await requirePrometheus();
    mode = await open();
    tocsin = await aTocsin({ ...mode.settings, LAG_SAMPLE_MS: '200' });
    prometheus = await scrapingPrometheus(tocsin.client.url);
    await tocsin.client.post('/api/v1/receivers', { name: 'sink', channel: 'webhook', settings: { url: await sink.listen() } });
    await work(tocsin, sink, 'before');
    await work(tocsin, sink, 'after');
    live = readMetrics((await tocsin.client.get<string>('/metrics')).body);
  }, 180_000);
  afterAll(async () => {
    prometheus?.stop();
    sink.close();
    await tocsin?.close();
    await mode?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const baseOf = (metric: string): string => {
    const suffix = SUFFIXES.find((each) => metric.endsWith(each));
    const base = suffix ? metric.slice(0, -suffix.length) : metric;
    return live.types.get(base) === 'histogram' ? base : metric;
  };
  const labelsOf = (metric: string): Set<string> => {
    const declared: readonly string[] = (metrics as Readonly<Record<string, { labels: readonly string[] }>>)[baseOf(metric)]?.labels ?? [];
    const bucket = metric.endsWith('_bucket') ? ['le'] : [];
    return new Set([...TARGET, ...declared, ...bucket, ...(live.labels.get(metric) ?? [])]);
  };
  const problems = ({ where, expr }: Expression): string[] => {
    const selectors = selectorsOf(expr);
    const known = new Set(selectors.flatMap(({ metric }) => [...labelsOf(metric)]));
    return [
      ...(selectors.length === 0 ? ['names no metric'] : []),
      ...selectors.flatMap(({ metric, labels }) => [
        ...(metric === 'up' || live.types.has(baseOf(metric)) ? [] : [`/metrics has no ${metric}`]),
        ...labels.filter((label) => !labelsOf(metric).has(label)).map((label) => `${metric} has no label ${label}`),
      ]),
      ...groupingsOf(expr)
        .filter((label) => !known.has(label))
        .map((label) => `none of its metrics has the label ${label}`),
    ].map((problem) => `${where}: ${problem}`);
  };

  it('every metric and label of a dashboard or rule is on /metrics (O6)', () => {
    const all = [...dashboardExpressions(), ...ruleExpressions()];
    expect(all.length).toBeGreaterThan(80);
    expect(all.flatMap(problems)).toEqual([]);
  });

  it('every metric of Tocsin that is on /metrics is in the catalogue, with its unit in its name (O6)', () => {
    const own = [...live.types.keys()].filter((name) => name.startsWith('tocsin_'));
    expect(own.sort()).toEqual(
      Object.keys(metrics)
        .filter((name) => name.startsWith('tocsin_'))
        .sort(),
    );
    const types = own.map((name) => [name, live.types.get(name)!] as const);
    expect(types.filter(([name, type]) => type === 'counter' && !name.endsWith('_total'))).toEqual([]);
    expect(types.filter(([name, type]) => type === 'histogram' && !/_(seconds|bytes|records)$/.test(name))).toEqual([]);
  });

  it('promtool takes the rules, the configuration, and every expression of the dashboards (O6)', () => {
    expect(promtool('check', 'config', 'deploy/prometheus/scrape.yml')).toContain('SUCCESS');
    const rules = dashboardExpressions().map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
    const file = join(folder, 'panels.yml');
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }));
    expect(promtool('check', 'rules', file)).toContain(`${rules.length} rules found`);
    expect(promtool('test', 'rules', 'deploy/prometheus/rules.test.yml')).toContain('SUCCESS');
  });

  it('a Prometheus that scrapes Tocsin has an answer for every panel but those of faults (O6)', async () => {
    const silent = async (): Promise<string[]> => {
      const answers = await Promise.all(dashboardExpressions().map(async ({ where, expr }) => ({ where, result: await prometheus.query(expr) })));
      return [...new Set(answers.filter(({ result }) => result.length === 0).map(({ where }) => where))];
    };
    let still: string[] = [];
    await eventually(
      async () => {
        still = (await silent()).filter((where) => !mayBeSilent(where, modeName));
        return still.length === 0;
      },
      'an answer for every panel',
      30_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; silent: ${still.join(', ')}`);
    });
  }, 60_000);

  it('no rule fires while everything is well, and the one for dead letters does after poison (O6)', async () => {
    const firing = async (): Promise<string[]> => {
      const rules = await Promise.all(ruleExpressions().map(async ({ where, expr }) => ({ where, result: await prometheus.query(expr) })));
      return rules.filter(({ result }) => result.length > 0).map(({ where }) => where);
    };
    await eventually(async () => (await firing()).includes('rules.yml: TocsinDeadLetters'), 'the rule of dead letters');
    // How fast this machine is at the moment is not the question.
    const ofSpeed = /EventLoopBlocked|LatencyHigh|TransactionsQueued/;
    expect((await firing()).filter((where) => !ofSpeed.test(where))).toEqual(['rules.yml: TocsinDeadLetters']);
  }, 60_000);

  it('the dashboards can be imported anywhere: no ids, no fixed data source, a schema that Grafana 10 supports (O6)', () => {
    const boards = dashboardFiles().map((file) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown> & { panels: { id: number }[] });
    expect(boards.map(({ uid }) => uid).sort()).toEqual(['tocsin-alerting', 'tocsin-kafka', 'tocsin-overview']);
    for (const board of boards) {
      expect(board).toMatchObject({ id: null, schemaVersion: 39, editable: true });
      expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
      const sources: unknown[] = [];
      JSON.stringify(board, (key, value: unknown) => (key === 'datasource' && sources.push(value), value));
      expect(new Set(sources.map((source) => JSON.stringify(source)))).toEqual(new Set(['{"type":"prometheus","uid":"${datasource}"}']));
    }
  });
});

/** Panels that show something only after a fault, or in the distributed mode. */
function mayBeSilent(where: string, mode: string): boolean {
  if (
    /Source|Failures|switch|Events dropped|Refused|Failed task runs|Pushes|Partitions moved|Degrade|Self-monitoring alerts by name|Rebalance stall/i.test(
      where,
    )
  )
    return true;
  return mode === 'embedded' && /outbox|fetch interval|offset commit|rebalance|Connections|Producer/i.test(where);
}

/** Something of everything: an alert, a notice, poison, a wrong request. */
async function work(tocsin: TestTocsin, sink: WebhookSink, name: string): Promise<void> {
  const { client } = tocsin;
  const expected = sink.deliveries.length;
  await client.post('/api/v2/alerts', [{ labels: { alertname: name } }]);
  await client.post('/api/v1/events', [
    { event_type: 'metric', bk_biz_id: '2', event_source: 'test', raw_data: { metric: 'cpu', value: 1, dimensions: {} } },
  ]);
  await client.call('POST', '/api/v1/events', 'no json');
  await tocsin.running.app.get(EventLog).publish(topics.rawEvents.name, [{ key: null, value: 'poison' }]);
  await eventually(() => sink.deliveries.length > expected, 'a notice');
  const letters = async () => Number(/^tocsin_consumer_poison_total\{.*\} (\d+)$/m.exec((await client.get<string>('/metrics')).body)?.[1] ?? 0);
  await eventually(async () => (await letters()) > 0, 'a dead letter');
}
