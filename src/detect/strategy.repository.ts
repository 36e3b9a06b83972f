import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.client.js';
import { TocsinError } from '../shared/errors.js';
import { identity } from '../shared/identity.js';
import type { RuleChange } from './compiled-rules.js';
import type { RuleSet, Strategy, StrategyBody, StrategyVersion } from './strategy.js';

interface VersionRow {
  strategy_id: number;
  version: number;
  rules_version: number;
  body: string | null;
  changed_by: string;
  changed_at: number | string;
}

/** Strategies per page of changes; a page is read and applied without a pause. */
const RULES_PAGE = 200;

/** Strategies and all their versions. Every change gets the next version of the rule set; the first tick that carries it puts it in force. */
@Injectable()
export class StrategyRepository {
  constructor(private readonly database: Database) {}

  async rulesVersion(): Promise<number> {
    const [row] = await this.database.query<{ version: number }>('SELECT version FROM rules_version WHERE id = 1');
    return row?.version ?? 0;
  }

  /** The latest version of the rule set at `time` (epoch ms). */
  async rulesVersionBefore(time: number): Promise<number> {
    const [row] = await this.database.query<{ version: number | null }>(
      'SELECT MAX(rules_version) AS version FROM strategy_version WHERE changed_at <= ?',
      [time],
    );
    return row?.version ?? 0;
  }

  /** The rule set as it was at `version`, strategies in order of their ids. */
  async rulesAt(version: number): Promise<RuleSet> {
    const strategies: Strategy[] = [];
    for await (const changes of this.rulesSince(0, version)) {
      for (const { id, body, ...rest } of changes) if (body !== null) strategies.push({ ...(JSON.parse(body) as StrategyBody), id, ...rest });
    }
    return { version, strategies };
  }

  /**
   * The changes of the rule set after version `since` and up to `version`: the latest version of each changed strategy, in order of id, by pages.
   * Reads outside the current transaction, because the result serves partitions whose transactions must not wait for each other.
   */
  async *rulesSince(since: number, version: number): AsyncGenerator<readonly RuleChange[]> {
    for (let after = 0, page: RuleChange[] = []; page.length === RULES_PAGE || after === 0; after = page.at(-1)!.id) {
      page = await this.database.detached(() => this.#changes(since, version, after));
      if (page.length === 0) return;
      yield page;
    }
  }

  #changes(since: number, version: number, after: number): Promise<RuleChange[]> {
    return this.database.query<RuleChange>(
      `SELECT v.strategy_id AS id, v.version, v.body FROM strategy_version v
       JOIN (SELECT strategy_id, MAX(version) AS latest FROM strategy_version
             WHERE rules_version > ? AND rules_version <= ? AND strategy_id > ?
             GROUP BY strategy_id ORDER BY strategy_id LIMIT ${RULES_PAGE}) l
         ON l.strategy_id = v.strategy_id AND l.latest = v.version
       ORDER BY v.strategy_id`,
      [since, version, after],
    );
  }

  async find(ids: readonly number[]): Promise<Strategy[]> {
    if (ids.length === 0) return [];
    const rows = await this.database.query<VersionRow>(
      `SELECT v.* FROM strategy s JOIN strategy_version v ON v.strategy_id = s.id AND v.version = s.version
       WHERE s.id IN (${ids.map(() => '?').join(', ')})`,
      ids,
    );
    return rows.flatMap(strategyOf);
  }

  async list(filter: { bk_biz_id?: string; after: number; limit: number }): Promise<Strategy[]> {
    const business = filter.bk_biz_id === undefined ? '' : ' AND s.bk_biz_id = ?';
    const rows = await this.database.query<VersionRow>(
      `SELECT v.* FROM strategy s JOIN strategy_version v ON v.strategy_id = s.id AND v.version = s.version
       WHERE s.live_key IS NOT NULL AND s.id > ?${business} ORDER BY s.id LIMIT ${filter.limit}`,
      [filter.after, ...(filter.bk_biz_id === undefined ? [] : [filter.bk_biz_id])],
    );
    return rows.flatMap(strategyOf);
  }

  async named(business: string, name: string): Promise<Strategy | undefined> {
    const [row] = await this.database.query<{ id: number }>('SELECT id FROM strategy WHERE live_key = ?', [liveKey(business, name)]);
    return row && (await this.find([row.id]))[0];
  }

  async versions(id: number): Promise<StrategyVersion[]> {
    const rows = await this.database.query<VersionRow>('SELECT * FROM strategy_version WHERE strategy_id = ? ORDER BY version', [id]);
    return rows.map((row) => ({
      version: row.version,
      rules_version: row.rules_version,
      changed_by: row.changed_by,
      changed_at: Number(row.changed_at),
      body: row.body === null ? null : (JSON.parse(row.body) as StrategyBody),
    }));
  }

  /** Stores a new strategy. Throws {@link TocsinError} T2003 when the business has one of that name. */
  create(body: StrategyBody, by: string, now: number): Promise<Strategy> {
    return this.database.transaction(async () => {
      const rules = await this.#nextRulesVersion();
      if (await this.named(body.bk_biz_id, body.name))
        throw new TocsinError('T2003', `business ${body.bk_biz_id} already has a strategy "${body.name}"`);
      const key = liveKey(body.bk_biz_id, body.name);
      await this.database.insert(
        'strategy',
        ['bk_biz_id', 'name', 'live_key', 'version', 'created_at', 'updated_at'],
        [[body.bk_biz_id, body.name, key, 1, now, now]],
      );
      const [row] = await this.database.query<{ id: number }>('SELECT id FROM strategy WHERE live_key = ?', [key]);
      if (!row) throw new Error('the stored strategy was not found');
      await this.#store(row.id, 1, rules, body, by, now);
      return { ...body, id: row.id, version: 1 };
    });
  }

  /**
   * Stores the next version; `body` null deletes. `expected` is the version on which the caller based the change, if given.
   * Throws {@link TocsinError} T2002 when there is no such strategy, T2003 when it has another version or the name is taken.
   */
  change(id: number, body: StrategyBody | null, by: string, now: number, expected?: number): Promise<number> {
    return this.database.transaction(async () => {
      const rules = await this.#nextRulesVersion();
      const [row] = await this.database.query<{ version: number; bk_biz_id: string; name: string }>(
        `SELECT version, bk_biz_id, name FROM strategy WHERE id = ? AND live_key IS NOT NULL${this.database.dialect.forUpdate}`,
        [id],
      );
      if (!row) throw new TocsinError('T2002', `no strategy ${id}`);
      if (expected !== undefined && expected !== row.version) throw new TocsinError('T2003', `version is ${row.version}, not ${expected}`);
      const version = row.version + 1;
      if (body) await this.#refuseTaken(id, body);
      await this.database.execute('UPDATE strategy SET version = ?, bk_biz_id = ?, name = ?, live_key = ?, updated_at = ? WHERE id = ?', [
        version,
        body?.bk_biz_id ?? row.bk_biz_id,
        body?.name ?? row.name,
        body ? liveKey(body.bk_biz_id, body.name) : null,
        now,
        id,
      ]);
      await this.#store(id, version, rules, body, by, now);
      return version;
    });
  }

  async #refuseTaken(id: number, body: StrategyBody): Promise<void> {
    const other = await this.named(body.bk_biz_id, body.name);
    if (other && other.id !== id) throw new TocsinError('T2003', `business ${body.bk_biz_id} already has a strategy "${body.name}"`);
  }

  async #nextRulesVersion(): Promise<number> {
    await this.database.execute('UPDATE rules_version SET version = version + 1 WHERE id = 1');
    return this.rulesVersion();
  }

  async #store(id: number, version: number, rules: number, body: StrategyBody | null, by: string, now: number): Promise<void> {
    await this.database.insert(
      'strategy_version',
      ['strategy_id', 'version', 'rules_version', 'body', 'changed_by', 'changed_at'],
      [[id, version, rules, body && JSON.stringify(body), by, now]],
    );
  }
}

const liveKey = (business: string, name: string): string => identity('strategy', business, name);

function strategyOf({ strategy_id, version, body }: VersionRow): Strategy[] {
  return body === null ? [] : [{ ...(JSON.parse(body) as StrategyBody), id: strategy_id, version }];
}
