import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setImmediate as loopTurn } from 'node:timers/promises';
import { parseConfig } from '../dist/src/config.js';
import { migrate, openMysql, openSqlite } from '../dist/src/database/connection.client.js';
import { CheckpointRepository } from '../dist/src/detect/checkpoint.repository.js';
import { DetectService } from '../dist/src/detect/detect.service.js';
import { RuleCache } from '../dist/src/detect/rule-cache.service.js';
import { parseStrategy } from '../dist/src/detect/strategy.js';
import { StrategyRepository } from '../dist/src/detect/strategy.repository.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const heapMb = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

const START = 1_700_000_000_000;

/** Strategy number `index`, with a condition, two levels and labels as a real one has; version `version` differs in its thresholds, or in its window too. */
function strategyOf(index, version = 1, checkWindow = 5) {
  const threshold = (level, limit) => ({ level, type: 'Threshold', config: [[{ method: 'gte', threshold: limit }]] });
  const level = (severity) => ({ level: severity, trigger: { count: 1, check_window: checkWindow }, recovery: { check_window: 5 } });
  return parseStrategy({
    name: `Disk usage of cluster ${index}`,
    bk_biz_id: `${index % 20}`,
    labels: { team: `team-${index % 40}` },
    items: [
      {
        unit: '%',
        queries: [
          {
            metric: `system.disk.in_use_${index}`,
            aggregation: 'AVG',
            interval: 60,
            dimensions: ['host', 'device'],
            conditions: [{ key: 'device', method: 'neq', value: ['tmpfs'] }],
          },
        ],
        algorithms: [threshold(1, 95 + version / 1000), threshold(2, 85 + version / 1000)],
      },
    ],
    detects: [level(1), level(2)],
  });
}

async function storeStrategies(database, count) {
  const rows = Array.from({ length: count }, (_, index) => strategyOf(index));
  await database.transaction(async () => {
    await database.insert(
      'strategy',
      ['id', 'bk_biz_id', 'name', 'live_key', 'version', 'created_at', 'updated_at'],
      rows.map((body, index) => [index + 1, body.bk_biz_id, body.name, `${index}`, 1, START, START]),
    );
    await database.insert(
      'strategy_version',
      ['strategy_id', 'version', 'rules_version', 'body', 'changed_by', 'changed_at'],
      rows.map((body, index) => [index + 1, 1, index + 1, JSON.stringify(body), 'bench', START]),
    );
    await database.execute('UPDATE rules_version SET version = ?', [count]);
  });
}

/** The partitions of one process, and their batches. */
class Process {
  #offset = 0;
  #minute = 0;
  constructor(database, partitions) {
    this.database = database;
    this.partitions = partitions;
    this.strategies = new StrategyRepository(database);
    const config = { ...parseConfig({}), DETECT_CHECKPOINT_MS: 3_600_000 };
    const publisher = { publish: () => undefined };
    this.detect = new DetectService(
      publisher,
      new CheckpointRepository(database),
      new RuleCache(this.strategies),
      { start: () => undefined },
      config,
    );
  }

  /** One batch of the same events in each partition, all at once, as after a tick that names new rules. */
  each(...events) {
    return this.#fold(events, false);
  }

  /** The same as {@link each}, but the batches are replayed ones: nothing is stored, so that the figures hold no time of the database. */
  replay(...events) {
    return this.#fold(events, true);
  }

  async #fold(events, replay) {
    const records = events.map((message) => ({ offset: this.#offset++, timestamp: START, message }));
    await Promise.all(
      Array.from({ length: this.partitions }, (_, partition) => {
        const batch = { topic: 'raw_events', partition, records, epoch: 1, ownership: { lost: false }, replay, leaving: false };
        return this.database.transaction(() => this.detect.fold({ ...batch, checkpointed: () => undefined, heartbeat: () => Promise.resolve() }), {
          discard: replay,
        });
      }),
    );
  }

  /** A value above the thresholds for each of the first rules, a minute after the last one. */
  events(seen) {
    const minute = this.#minute++;
    return Array.from({ length: seen }, (_, index) => metric(index, minute, 99));
  }

  tick(version) {
    const raw_data = { rules_version: version };
    return { event_id: `t${version}`, event_type: 'tick', bk_biz_id: '0', event_source: 'tocsin', timestamp: START, raw_data };
  }
}

function metric(index, minute, value) {
  return {
    event_id: `${index}-${minute}`,
    event_type: 'metric',
    bk_biz_id: `${index % 20}`,
    event_source: 'bench',
    timestamp: START + minute * 60_000,
    raw_data: { metric: `system.disk.in_use_${index}`, value, dimensions: { host: 'host-1', device: 'sda' } },
  };
}

/** Time (ms) in which the event loop was busy while `work` ran. */
async function busyDuring(work) {
  const before = performance.eventLoopUtilization();
  await work();
  return performance.eventLoopUtilization(before).active;
}

/** The longest turn (ms) of the event loop while `work` ran. */
async function longestTurn(work) {
  let longest = 0;
  let running = true;
  const watch = (async () => {
    let last = performance.now();
    while (running) {
      await loopTurn();
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
  })();
  await work();
  running = false;
  await watch;
  return longest;
}

/** Edits of the rules that have state, one after the other, each with a value that makes their alerts go on. */
async function edits(process_, seen, count, how, checkWindow) {
  const busy = [];
  const turns = [];
  for (let edit = 0; edit < count; edit++) {
    const index = edit % seen;
    await process_.each(...process_.events(seen), ...process_.events(seen));
    await process_.strategies.change(index + 1, strategyOf(index, edit + 2, checkWindow(edit)), 'bench', START);
    const version = await process_.strategies.rulesVersion();
    const apply = () => process_[how](process_.tick(version));
    if (edit % 2) turns.push(await longestTurn(apply));
    else busy.push(await busyDuring(apply));
  }
  return { busy, turns };
}

/** Heap and event loop that rules cost: all strategies loaded, events of only some of them, then edits of these. */
export async function rules({ database: url, strategies, partitions, seen, count }) {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-bench-'));
  const database = url ? await openMysql(url, 10) : await openSqlite(join(folder, 'tocsin.db'));
  await migrate(database);
  await storeStrategies(database, strategies);
  const process_ = new Process(database, partitions);
  await process_.each({ ...process_.tick(0), timestamp: START - 1 });
  const empty = heapMb();
  const firstTurn = await longestTurn(() => process_.each(process_.tick(strategies)));
  for (let minute = 0; minute < 3; minute++) await process_.each(...process_.events(seen));
  const heap = heapMb() - empty;
  await edits(process_, seen, 20, 'each', () => 5);
  const figures = {
    'thresholds edited, series go on': await edits(process_, seen, count, 'replay', () => 5),
    'window edited, alerts end': await edits(process_, seen, count, 'replay', (edit) => 6 + edit),
    'thresholds edited, with the checkpoints that follow': await edits(process_, seen, count, 'each', () => 5 + count),
  };
  const held = process_.detect.folds().map(({ fold }) => fold.sizes.rules);
  await database.close();
  rmSync(folder, { recursive: true, force: true });
  return { heap, firstTurn, figures, held };
}
