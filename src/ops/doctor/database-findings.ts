import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

const MIB = 1024 ** 2;

/** Parses versions such as 8.0.36 and 10.11.6-MariaDB-1. */
function versionOf(version: string): { product: string; numbers: readonly number[] } {
  const numbers = version.split(/[.-]/).slice(0, 3).map(Number);
  return { product: /mariadb/i.test(version) ? 'MariaDB' : 'MySQL', numbers };
}

export function databaseFindings({ database, folder, config }: Evidence): Finding[] {
  const { at, problem, version } = database;
  if (config.mode === 'embedded' && problem !== undefined && folder?.fileBytes === 0) {
    return findings('database.reachable', 'T5031', 'no database yet; it is created at the first start', []);
  }
  return findings('database.reachable', 'T5031', `${at} is reachable, ${version}`, [
    problem !== undefined && fail(`${at}: ${problem}`, remedyFor(problem, config.mode)),
  ]);
}

function remedyFor(problem: string, mode: 'embedded' | 'distributed'): string {
  if (mode === 'embedded') return 'check the file with sqlite3 tocsin.db "PRAGMA integrity_check"; restore a backup if it is corrupt';
  if (/access denied/i.test(problem))
    return 'check user and password in DATABASE_URL and the host of the account: GRANT ALL ON <database>.* TO <user>';
  if (/unknown database/i.test(problem)) return 'create the database: CREATE DATABASE <name> CHARACTER SET utf8mb4';
  if (/ECONNREFUSED/.test(problem)) return 'start the database, or correct host and port in DATABASE_URL';
  if (/ENOTFOUND|EAI_AGAIN/.test(problem)) return 'the host name in DATABASE_URL cannot be resolved (DNS)';
  return 'check DATABASE_URL, the network and the database log';
}

export function databaseVersionFindings({ database, config }: Evidence): Finding[] {
  if (config.mode === 'embedded' || database.problem !== undefined) return [];
  const { product, numbers } = versionOf(database.version);
  const [major = 0, minor = 0] = numbers;
  const old = product === 'MariaDB' ? major < 10 || (major === 10 && minor < 11) : major < 8;
  return findings('database.version', 'T5032', `${product} ${numbers.join('.')}`, [
    old && fail(`${product} ${numbers.join('.')}`, 'upgrade to MySQL 8.0 or MariaDB 10.11; older versions lack SKIP LOCKED'),
  ]);
}

export function durabilityFindings({ database, config }: Evidence): Finding[] {
  if (database.problem !== undefined) return [];
  const { variables: set } = database;
  if (config.mode === 'embedded') {
    return findings('database.durability', 'T5033', 'journal_mode=wal; Tocsin writes with synchronous=FULL', [
      set['journal_mode'] !== 'wal' &&
        warn(`journal_mode=${set['journal_mode']}`, 'start Tocsin once, which enables WAL; WAL requires a local disk, not a network file system'),
    ]);
  }
  const flush = set['innodb_flush_log_at_trx_commit'];
  const binlog = set['sync_binlog'];
  return findings('database.durability', 'T5033', `innodb_flush_log_at_trx_commit=${flush}, sync_binlog=${binlog}, log_bin=${set['log_bin']}`, [
    flush !== undefined &&
      flush !== '1' &&
      fail(
        `innodb_flush_log_at_trx_commit=${flush}: a crash may lose the last second of committed transactions`,
        'SET GLOBAL innodb_flush_log_at_trx_commit=1, also in the server configuration',
      ),
    set['log_bin'] === 'ON' &&
      binlog !== undefined &&
      binlog !== '1' &&
      warn(
        `sync_binlog=${binlog}: after a crash a database replica may lack committed transactions`,
        'SET GLOBAL sync_binlog=1 if failover to a replica must not lose transactions',
      ),
  ]);
}

export function databaseModeFindings({ database, config }: Evidence): Finding[] {
  if (config.mode === 'embedded' || database.problem !== undefined) return [];
  const { variables: set } = database;
  const packet = Number(set['max_allowed_packet']);
  const needed = Math.max(8 * MIB, 4 * config.MAX_RECORD_BYTES);
  const isolation = set['transaction_isolation'] ?? set['tx_isolation'];
  const connections = Number(set['max_connections']);
  return findings(
    'database.mode',
    'T5034',
    `max_allowed_packet=${packet}, sql_mode strict, global isolation ${isolation} (sessions use READ-COMMITTED)`,
    [
      set['read_only'] === 'ON' && fail('read_only=ON: the database is a replica', 'point DATABASE_URL to the primary'),
      packet < needed &&
        fail(
          `max_allowed_packet=${packet}: too small for a checkpoint or batch of ${needed} bytes`,
          'SET GLOBAL max_allowed_packet=67108864, and in the configuration of the server',
        ),
      !/STRICT_(TRANS|ALL)_TABLES/.test(set['sql_mode'] ?? '') &&
        warn(
          `sql_mode=${set['sql_mode'] || '(empty)'}: strict mode is off, values that are too long are truncated silently`,
          "SET GLOBAL sql_mode=CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
        ),
      connections < 2 * config.DATABASE_POOL &&
        warn(
          `max_connections=${connections}, and each replica opens up to ${config.DATABASE_POOL} connections (DATABASE_POOL)`,
          'raise max_connections above replicas * DATABASE_POOL + 10',
        ),
    ],
  );
}

export function schemaFindings({ database }: Evidence): Finding[] {
  if (database.problem !== undefined || database.missing === null) return [];
  const { missing, unknown } = database;
  return findings('database.schema', 'T5035', 'all migrations are applied', [
    missing.length > 0 &&
      unknown.length === 0 &&
      warn(`${missing.length} pending migrations: ${some(missing)}`, 'run tocsin migrate, or start the server, which applies them first'),
    unknown.length > 0 &&
      missing.length > 0 &&
      fail(
        `the schema was created by a development version: ${some(unknown)}`,
        'start with an empty database (or data directory); there is no upgrade',
      ),
    unknown.length > 0 &&
      missing.length === 0 &&
      fail(
        `the schema is newer than this version: ${some(unknown)}`,
        'start the version that created the schema; an older version may misread stored data',
      ),
  ]);
}

export function outboxFindings({ database, now }: Evidence): Finding[] {
  if (!database.outbox) return [];
  const { rows, oldest } = database.outbox;
  const age = oldest === null ? 0 : now - oldest;
  return findings('outbox', 'T5030', rows === 0 ? 'the outbox is empty' : `${rows} outbox rows pending, the oldest for ${Math.round(age / 1000)} s`, [
    age > 60_000 &&
      fail(
        `${rows} outbox rows pending, the oldest for ${Math.round(age / 1000)} s`,
        'Kafka is unavailable or rejects the records, or no replica is running: check the findings for brokers and consumer groups. The rows are published after recovery',
      ),
  ]);
}

/** Clock offset of the database, and record timestamps in the future. */
export function clockFindings({ database, clusters, now }: Evidence): Finding[] {
  const { clock } = database;
  const ahead = clock ? clock.ahead : 0;
  const doubt = clock ? Math.max(1000, clock.took) : 0;
  const future = clusters.flatMap(({ newest }) => newest).filter(({ timestamp }) => timestamp - now > 5000);
  const worst = Math.max(0, ...future.map(({ timestamp }) => timestamp - now));
  const seen = clock
    ? `the clock of the database is ${Math.abs(ahead)} ms ${ahead >= 0 ? 'ahead of' : 'behind'} this host; no record has a timestamp in the future`
    : 'no record has a timestamp in the future';
  return findings('clock', 'T5024', seen, [
    clock &&
      Math.abs(ahead) > doubt &&
      Math.abs(ahead) < 30_000 &&
      warn(`the clock of the database is ${ahead} ms ahead of this host`, 'run ntpd or chronyd on both hosts'),
    clock &&
      Math.abs(ahead) >= 30_000 &&
      fail(`the clock of the database is ${ahead} ms ahead of this host: leases and expiries are unreliable`, 'run ntpd or chronyd on both hosts'),
    worst > 0 &&
      warn(
        `records of ${some([...new Set(future.map(({ topic }) => topic))])} have timestamps up to ${Math.round(worst / 1000)} s in the future`,
        'the clock of a producer or of this host is wrong: run ntpd or chronyd on all hosts',
      ),
  ]);
}
