import type { Evidence } from './evidence.js';
import { type Finding, fail, findings, some, warn } from './finding.js';

const MIB = 1024 ** 2;

/** Of MySQL 8.0.36, 10.11.6-MariaDB-1 … */
function versionOf(version: string): { product: string; numbers: readonly number[] } {
  const numbers = version.split(/[.-]/).slice(0, 3).map(Number);
  return { product: /mariadb/i.test(version) ? 'MariaDB' : 'MySQL', numbers };
}

export function databaseFindings({ database, folder, config }: Evidence): Finding[] {
  const { at, problem, version } = database;
  if (config.mode === 'embedded' && problem !== undefined && folder?.fileBytes === 0) {
    return findings('database.reachable', 'T5031', 'there is no database yet; the first start makes it', []);
  }
  return findings('database.reachable', 'T5031', `${at} answers, ${version}`, [
    problem !== undefined && fail(`${at}: ${problem}`, remedyFor(problem, config.mode)),
  ]);
}

function remedyFor(problem: string, mode: 'embedded' | 'distributed'): string {
  if (mode === 'embedded') return 'check the file with sqlite3 tocsin.db "PRAGMA integrity_check"; restore a copy when it is damaged';
  if (/access denied/i.test(problem))
    return 'user or password of DATABASE_URL is wrong, or the user may not connect from here: GRANT ALL ON <database>.* TO <user>';
  if (/unknown database/i.test(problem)) return 'create it: CREATE DATABASE <name> CHARACTER SET utf8mb4';
  if (/ECONNREFUSED/.test(problem)) return 'nothing listens there: start the database, or correct host and port in DATABASE_URL';
  if (/ENOTFOUND|EAI_AGAIN/.test(problem)) return 'the host name in DATABASE_URL is unknown here';
  return 'check DATABASE_URL, the network and the log of the database';
}

export function databaseVersionFindings({ database, config }: Evidence): Finding[] {
  if (config.mode === 'embedded' || database.problem !== undefined) return [];
  const { product, numbers } = versionOf(database.version);
  const [major = 0, minor = 0] = numbers;
  const old = product === 'MariaDB' ? major < 10 || (major === 10 && minor < 11) : major < 8;
  return findings('database.version', 'T5032', `${product} ${numbers.join('.')}`, [
    old && fail(`${product} ${numbers.join('.')}`, 'MySQL 8.0 or MariaDB 10.11 is the least: older ones have no SKIP LOCKED'),
  ]);
}

export function durabilityFindings({ database, config }: Evidence): Finding[] {
  if (database.problem !== undefined) return [];
  const { variables: set } = database;
  if (config.mode === 'embedded') {
    return findings('database.durability', 'T5033', 'journal_mode=wal; Tocsin writes with synchronous=FULL', [
      set['journal_mode'] !== 'wal' &&
        warn(`journal_mode=${set['journal_mode']}`, 'start Tocsin once: it sets WAL; on a network file system WAL does not work, use a local disk'),
    ]);
  }
  const flush = set['innodb_flush_log_at_trx_commit'];
  const binlog = set['sync_binlog'];
  return findings('database.durability', 'T5033', `innodb_flush_log_at_trx_commit=${flush}, sync_binlog=${binlog}, log_bin=${set['log_bin']}`, [
    flush !== undefined &&
      flush !== '1' &&
      fail(
        `innodb_flush_log_at_trx_commit=${flush}: the last second may be gone after a crash, although it was confirmed`,
        'SET GLOBAL innodb_flush_log_at_trx_commit=1, and in the configuration of the server',
      ),
    set['log_bin'] === 'ON' &&
      binlog !== undefined &&
      binlog !== '1' &&
      warn(
        `sync_binlog=${binlog}: after a crash a replica of the database may lack what was confirmed`,
        'SET GLOBAL sync_binlog=1 where a failover to a replica must lose nothing',
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
  return findings('database.mode', 'T5034', `max_allowed_packet=${packet}, sql_mode strict, global isolation ${isolation} (ours is READ-COMMITTED)`, [
    set['read_only'] === 'ON' && fail('read_only=ON: this is a replica', 'DATABASE_URL must name the primary'),
    packet < needed &&
      fail(
        `max_allowed_packet=${packet}: a checkpoint or a batch of ${needed} bytes would not fit`,
        'SET GLOBAL max_allowed_packet=67108864, and in the configuration of the server',
      ),
    !/STRICT_(TRANS|ALL)_TABLES/.test(set['sql_mode'] ?? '') &&
      warn(
        `sql_mode=${set['sql_mode'] || '(empty)'}: what is too long is cut silently`,
        "SET GLOBAL sql_mode=CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
      ),
    connections < 2 * config.DATABASE_POOL &&
      warn(
        `max_connections=${connections}, and each replica takes ${config.DATABASE_POOL} (DATABASE_POOL)`,
        'raise max_connections above replicas * DATABASE_POOL + 10',
      ),
  ]);
}

export function schemaFindings({ database }: Evidence): Finding[] {
  if (database.problem !== undefined || database.missing === null) return [];
  const { missing, unknown } = database;
  return findings('database.schema', 'T5035', 'every migration has run', [
    missing.length > 0 &&
      unknown.length === 0 &&
      warn(`${missing.length} migrations have not run: ${some(missing)}`, 'tocsin migrate, or start the server: it does that first'),
    unknown.length > 0 &&
      missing.length === 0 &&
      fail(`the schema is newer than this version: ${some(unknown)}`, 'start the version that made it; an older one may misread what is stored'),
    unknown.length > 0 &&
      missing.length > 0 &&
      fail(
        `the schema was made by another line of versions: ${some(unknown)}`,
        'start with an empty database (or data folder), or the version that made it',
      ),
  ]);
}

export function outboxFindings({ database, now }: Evidence): Finding[] {
  if (!database.outbox) return [];
  const { rows, oldest } = database.outbox;
  const age = oldest === null ? 0 : now - oldest;
  return findings('outbox', 'T5030', rows === 0 ? 'nothing waits' : `${rows} parcels wait, the oldest for ${Math.round(age / 1000)} s`, [
    age > 60_000 &&
      fail(
        `${rows} parcels wait, the oldest for ${Math.round(age / 1000)} s`,
        'the log does not take them, or no replica runs: see the findings about brokers and groups; nothing is lost, they leave when it is back',
      ),
  ]);
}

/** Clock of the database, and times of records that no clock has reached yet. */
export function clockFindings({ database, clusters, now }: Evidence): Finding[] {
  const { clock } = database;
  const ahead = clock ? clock.ahead : 0;
  const doubt = clock ? Math.max(1000, clock.took) : 0;
  const future = clusters.flatMap(({ newest }) => newest).filter(({ timestamp }) => timestamp - now > 5000);
  const worst = Math.max(0, ...future.map(({ timestamp }) => timestamp - now));
  const seen = clock
    ? `the database is ${Math.abs(ahead)} ms ${ahead >= 0 ? 'ahead of' : 'behind'} this host; no record is from the future`
    : 'no record is from the future';
  return findings('clock', 'T5024', seen, [
    clock &&
      Math.abs(ahead) > doubt &&
      Math.abs(ahead) < 30_000 &&
      warn(`the database is ${ahead} ms ahead of this host`, 'let ntpd or chronyd run on both'),
    clock &&
      Math.abs(ahead) >= 30_000 &&
      fail(`the database is ${ahead} ms ahead of this host: leases and expiries go wrong`, 'let ntpd or chronyd run on both'),
    worst > 0 &&
      warn(
        `records of ${some([...new Set(future.map(({ topic }) => topic))])} are up to ${Math.round(worst / 1000)} s in the future`,
        'the clock of a host that publishes is wrong, or of this one: let ntpd or chronyd run on all',
      ),
  ]);
}
