import { parseConfig } from '../../config.js';
import type { ClusterEvidence } from '../../log/cluster-evidence.js';
import type { TopicState } from '../../log/topic-admin.js';
import { deadLetterTopic, topics as contract } from '../../topics.js';
import { diagnose, verdictOf } from './doctor.js';
import type { Evidence } from './evidence.js';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const names = Object.values(contract).flatMap(({ name }) => [name, deadLetterTopic(name)]);

const topic = (name: string, more: Partial<TopicState> = {}): TopicState => ({
  name,
  cluster: 'main',
  partitions: [0, 1].map((partition) => ({ partition, leader: 'k1:9092', replicas: [1, 2, 3], inSync: [1, 2, 3], low: 10, high: 100 })),
  config: { 'retention.ms': String(72 * HOUR), 'min.insync.replicas': '2', 'max.message.bytes': '1048588', 'cleanup.policy': 'delete' },
  ...more,
});
/** The topics, one of them different. */
const topicsWith = (name: string, more: Partial<TopicState>): TopicState[] => names.map((each) => topic(each, each === name ? more : {}));
const set = (name: string, config: Record<string, string>) => topicsWith(name, { config: { ...topic(name).config, ...config } });

const cluster: ClusterEvidence = {
  name: 'main',
  brokers: [1, 2, 3].map((id) => ({ address: `k${id}:9092`, known: 'settings', incompatible: [] })),
  topics: names.map((name) => topic(name)),
  groups: [
    {
      group: 'tocsin.detect',
      stage: 'detect',
      cluster: 'main',
      state: 'Stable',
      protocol: 'sticky',
      members: [{ id: 'a', client: 'a', host: 'h', partitions: [{ topic: 'raw_events', partition: 0 }] }],
    },
  ],
  committed: [{ stage: 'detect', topic: 'raw_events', partition: 0, offset: 90 }],
  newest: [{ topic: 'raw_events', partition: 0, timestamp: NOW - 1000 }],
  unhandled: [{ stage: 'detect', topic: 'raw_events', partition: 0, timestamp: NOW - 1000 }],
};
const position = { group: 'detect', topic: 'raw_events', partition: 0, nextOffset: 95, owner: 'a', updatedAt: NOW - 1000 };

const healthy: Evidence = {
  now: NOW,
  config: parseConfig({ KAFKA_BROKERS: 'k1:9092,k2:9092,k3:9092', DATABASE_URL: 'mysql://u:p@d/tocsin' }),
  node: '20.19.0',
  openFiles: 65_536,
  server: { url: 'http://127.0.0.1:8080', ready: { status: 'ok', reasons: [] } },
  database: {
    at: 'u@d:3306/tocsin',
    version: '10.11.6-MariaDB',
    variables: {
      innodb_flush_log_at_trx_commit: '1',
      sync_binlog: '1',
      log_bin: 'ON',
      sql_mode: 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
      max_allowed_packet: '67108864',
      max_connections: '500',
      read_only: 'OFF',
      tx_isolation: 'REPEATABLE-READ',
    },
    clock: { ahead: 3, took: 2 },
    missing: [],
    unknown: [],
    positions: [position],
    pauses: [],
    outbox: { rows: 0, oldest: null },
    partitions: [],
  },
  clusters: [cluster],
  topics: names,
};

const clusters = (more: Partial<ClusterEvidence>): Partial<Evidence> => ({ clusters: [{ ...cluster, ...more }] });
const database = (more: Partial<Evidence['database']>): Partial<Evidence> => ({ database: { ...healthy.database, ...more } });
const variables = (more: Record<string, string>) => database({ variables: { ...healthy.database.variables, ...more } });
const brokers = (problem: { code: 'T7001' | 'T7002' | 'T7003'; says: string }, known: 'settings' | 'cluster' = 'settings') =>
  clusters({ brokers: [...cluster.brokers.slice(0, 2), { address: 'k3:9092', known, problem }] });

it('an installation that is well gets no warning', () => {
  const findings = diagnose(healthy);
  expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(verdictOf(findings)).toBe('ok');
  expect(findings.length).toBeGreaterThan(20);
});

const faults: [string, 'warn' | 'fail', string, Partial<Evidence>, string][] = [
  ['T5012', 'fail', 'an old Node.js', { node: '18.20.0' }, 'install Node.js 20.19.0 or newer'],
  ['T5013', 'warn', 'a low limit of open files', { openFiles: 256 }, 'ulimit -n 65536'],
  ['T5014', 'warn', 'one of three brokers away', brokers({ code: 'T7001', says: 'k3:9092: connection refused' }), 'KAFKA_BROKERS (k3:9092)'],
  [
    'T5014',
    'fail',
    'an advertised address that nobody reaches',
    brokers({ code: 'T7001', says: 'k3:9092: host name not found (DNS)' }, 'cluster'),
    'advertised.listeners',
  ],
  [
    'T5015',
    'fail',
    'a wrong password',
    brokers({ code: 'T7002', says: 'k3:9092: authentication failed' }),
    'KAFKA_SASL_MECHANISM, _USERNAME and _PASSWORD',
  ],
  ['T5015', 'fail', 'a wrong authority', brokers({ code: 'T7003', says: 'k3:9092: not trusted' }), 'KAFKA_TLS'],
  [
    'T5016',
    'fail',
    'a broker that is too new',
    clusters({ brokers: [{ address: 'k1:9092', known: 'settings', incompatible: ['Fetch: it speaks 12 to 18, our client 0 to 11'] }] }),
    'see README for the tested releases',
  ],
  ['T5017', 'warn', 'a missing topic', clusters({ topics: cluster.topics.slice(1) }), 'the server creates topics at startup'],
  [
    'T5018',
    'fail',
    'dead letters with fewer partitions',
    clusters({ topics: topicsWith('alerts.dlq', { partitions: topic('x').partitions.slice(0, 1) }) }),
    'tocsin topics grow alerts.dlq --partitions 2',
  ],
  [
    'T5019',
    'fail',
    'min.insync.replicas above the copies',
    clusters({ topics: set('alerts', { 'min.insync.replicas': '4' }) }),
    'tocsin topics set alerts --min-insync 3',
  ],
  [
    'T5019',
    'warn',
    'no broker to spare',
    clusters({ topics: set('alerts', { 'min.insync.replicas': '3' }) }),
    'tocsin topics set alerts --min-insync 2',
  ],
  [
    'T5019',
    'warn',
    'a single copy',
    clusters({
      topics: topicsWith('alerts', {
        config: { ...topic('x').config, 'min.insync.replicas': '1' },
        partitions: [
          { ...topic('x').partitions[0]!, replicas: [1], inSync: [1] },
          { ...topic('x').partitions[1]!, replicas: [1], inSync: [1] },
        ],
      }),
    }),
    'TOPIC_REPLICATION=3',
  ],
  [
    'T5020',
    'fail',
    'a partition without a leader',
    clusters({ topics: topicsWith('alerts', { partitions: topic('x').partitions.map((each) => ({ ...each, leader: null })) }) }),
    'start the brokers',
  ],
  [
    'T5020',
    'warn',
    'a copy that is behind',
    clusters({ topics: topicsWith('alerts', { partitions: topic('x').partitions.map((each) => ({ ...each, inSync: [1, 2] })) }) }),
    'check the brokers',
  ],
  [
    'T5021',
    'warn',
    'short retention',
    clusters({ topics: set('alerts', { 'retention.ms': '3600000' }) }),
    'tocsin topics set alerts --retention 72h',
  ],
  [
    'T5021',
    'fail',
    'a group that retention is about to overtake',
    clusters({ unhandled: [{ ...cluster.unhandled[0]!, timestamp: NOW - 60 * HOUR }] }),
    'tocsin topics set raw_events --retention 144h, then',
  ],
  [
    'T5022',
    'fail',
    'a topic that takes less than an event',
    clusters({ topics: set('raw_events', { 'max.message.bytes': '100000' }) }),
    'tocsin topics set raw_events --max-message',
  ],
  [
    'T5022',
    'warn',
    'a topic that takes less than a batch',
    clusters({ topics: set('raw_events', { 'max.message.bytes': '300000' }) }),
    'lower MAX_EVENT_BYTES and KAFKA_BATCH_BYTES',
  ],
  ['T5023', 'fail', 'a topic that compacts', clusters({ topics: set('alerts', { 'cleanup.policy': 'compact' }) }), 'cleanup.policy=delete'],
  ['T5024', 'warn', 'a database two seconds ahead', database({ clock: { ahead: 2000, took: 2 } }), 'ntpd or chronyd'],
  ['T5024', 'fail', 'a database an hour behind', database({ clock: { ahead: -HOUR, took: 2 } }), 'ntpd or chronyd'],
  ['T5024', 'warn', 'records from the future', clusters({ newest: [{ ...cluster.newest[0]!, timestamp: NOW + 60_000 }] }), 'ntpd or chronyd'],
  [
    'T5025',
    'fail',
    'a group without members although a server runs',
    clusters({ groups: [{ ...cluster.groups[0]!, members: [] }] }),
    'check /health/ready',
  ],
  [
    'T5025',
    'warn',
    'a group that rebalances',
    clusters({ groups: [{ ...cluster.groups[0]!, state: 'PreparingRebalance' }] }),
    'run the doctor again in a minute',
  ],
  ['T5026', 'fail', 'a cursor ahead of the log', database({ positions: [{ ...position, nextOffset: 101 }] }), '--from earliest (or latest)'],
  ['T5026', 'fail', 'a cursor that retention has overtaken', database({ positions: [{ ...position, nextOffset: 4 }] }), '--accept-gap'],
  [
    'T5027',
    'warn',
    'a committed offset ahead of the cursor',
    database({ positions: [{ ...position, nextOffset: 50 }] }),
    'an older database backup was restored',
  ],
  [
    'T5028',
    'fail',
    'a partition that has stopped',
    database({ pauses: [{ group: 'detect', topic: 'raw_events', partition: 0, kind: 'stopped', why: 'T6101 gone', by: 'a' }] }),
    'tocsin consumers resume',
  ],
  [
    'T5028',
    'warn',
    'a partition that people have paused',
    database({ pauses: [{ group: 'detect', topic: 'raw_events', partition: 0, kind: 'paused', why: 'maintenance', by: 'ann' }] }),
    'when the reason no longer applies',
  ],
  ['T5029', 'warn', 'an owner that is silent', database({ positions: [{ ...position, updatedAt: NOW - HOUR }] }), 'the owner hangs'],
  ['T5030', 'fail', 'an outbox that is not drained', database({ outbox: { rows: 7, oldest: NOW - HOUR } }), 'published after recovery'],
  [
    'T5031',
    'fail',
    'a wrong password of the database',
    database({ problem: "Access denied for user 'u'" }),
    'check user and password in DATABASE_URL',
  ],
  ['T5031', 'fail', 'a database that is down', database({ problem: 'connect ECONNREFUSED' }), 'start the database'],
  ['T5032', 'fail', 'an old MariaDB', database({ version: '10.6.12-MariaDB' }), 'MySQL 8.0 or MariaDB 10.11'],
  ['T5032', 'fail', 'an old MySQL', database({ version: '5.7.44-log' }), 'MySQL 8.0 or MariaDB 10.11'],
  ['T5033', 'fail', 'commits that do not wait for the disk', variables({ innodb_flush_log_at_trx_commit: '2' }), 'innodb_flush_log_at_trx_commit=1'],
  ['T5033', 'warn', 'a binlog that is not synced', variables({ sync_binlog: '0' }), 'sync_binlog=1'],
  ['T5034', 'fail', 'a small packet limit', variables({ max_allowed_packet: '1048576' }), 'max_allowed_packet=67108864'],
  ['T5034', 'fail', 'a replica instead of the primary', variables({ read_only: 'ON' }), 'point DATABASE_URL to the primary'],
  ['T5034', 'warn', 'a mode that cuts silently', variables({ sql_mode: '' }), 'STRICT_TRANS_TABLES'],
  ['T5034', 'warn', 'few connections', variables({ max_connections: '10' }), 'raise max_connections'],
  ['T5035', 'warn', 'migrations that have not run', database({ missing: ['Routes1800000000002'] }), 'tocsin migrate'],
  ['T5035', 'fail', 'a schema that is newer', database({ unknown: ['Later1900000000000'] }), 'start the version that created the schema'],
  [
    'T5035',
    'fail',
    'a schema of a development version',
    database({ missing: ['Baseline1800000000001'], unknown: ['Log1700000000001'] }),
    'empty database',
  ],
  ['T5038', 'fail', 'a server that is not ready', { server: { url: 'u', ready: { status: 'error', reasons: ['log: away'] } } }, 'the other findings'],
  ['T5038', 'fail', 'a server that hangs', { server: { url: 'u', problem: 'no answer' } }, 'restart it: no data is lost'],
];

it.each(faults)('%s %s: %s', (code, verdict, _what, fault, remedy) => {
  const found = diagnose({ ...healthy, ...fault }).filter((each) => each.verdict !== 'ok');
  expect(found.map((each) => each.code)).toContain(code);
  const finding = found.find((each) => each.code === code)!;
  expect([finding.verdict, finding.evidence.length > 0]).toEqual([verdict, true]);
  expect(finding.remedy).toContain(remedy);
});

describe('embedded', () => {
  const folder = { path: '/data', exists: true, freeBytes: 500e9, totalBytes: 900e9, locked: true, fileBytes: 1e9, walBytes: 1e6 };
  const embedded: Evidence = {
    ...healthy,
    config: parseConfig({}),
    folder,
    clusters: [],
    database: { ...healthy.database, version: '3.50.4', variables: { journal_mode: 'wal' }, outbox: null },
  };

  it('is well', () => {
    expect(diagnose(embedded).filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  });

  it('before the first start is well too', () => {
    const fresh = {
      ...embedded,
      server: { url: 'u' },
      folder: { ...folder, exists: false, locked: false, fileBytes: 0 },
      database: { ...embedded.database, problem: 'no file', missing: null },
    };
    expect(diagnose(fresh).filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  });

  it.each<[string, 'warn' | 'fail', Partial<Evidence>, string]>([
    ['T5037', 'fail', { folder: { ...folder, unwritable: 'EACCES' } }, 'DATA_DIR'],
    ['T5037', 'warn', { server: { url: 'u' } }, 'fuser or lsof'],
    ['T5037', 'warn', { folder: { ...folder, walBytes: 5e9 } }, 'restart the server'],
    ['T5036', 'fail', { folder: { ...folder, freeBytes: 1e8 } }, 'free disk space'],
    ['T5036', 'warn', { folder: { ...folder, freeBytes: 1e9 } }, 'RETENTION_HOURS'],
    ['T5036', 'warn', { folder: { ...folder, freeBytes: 5e9 } }, 'set RETENTION_BYTES'],
    ['T5033', 'warn', { database: { ...embedded.database, variables: { journal_mode: 'delete' } } }, 'WAL'],
    ['T5031', 'fail', { database: { ...embedded.database, problem: 'file is not a database' } }, 'integrity_check'],
  ])('%s %s', (code, verdict, fault, remedy) => {
    const finding = diagnose({ ...embedded, ...fault }).find((each) => each.code === code && each.verdict !== 'ok')!;
    expect(finding.verdict).toBe(verdict);
    expect(finding.remedy).toContain(remedy);
  });
});
