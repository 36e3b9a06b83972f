import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.client.js';
import { TocsinError } from '../../shared/errors.js';
import type { Source, SourceDefinition } from './source.js';

interface SourceRow {
  id: number;
  name: string;
  definition: string;
  secrets: string | null;
  version: number | string;
  declared_at: number | string;
  created_at: number | string;
  updated_at: number | string;
}

interface TokenRow {
  id: number;
  source_id: number;
  hash: string;
  created_at: number | string;
}

/** A token by the hash of its text; the text itself is not stored. */
export interface StoredToken {
  readonly id: number;
  readonly hash: string;
  readonly created_at: number;
}

/** A source as it is stored. */
export interface StoredSource {
  readonly source: Source;
  /** Encrypted, or null when it has none. */
  readonly secrets: string | null;
  /** Oldest first. */
  readonly tokens: readonly StoredToken[];
}

/** Sources and their tokens. Every change increments the version, by which replicas detect changes. */
@Injectable()
export class SourceRepository {
  constructor(private readonly database: Database) {}

  /** Increases with every change of a source. */
  async version(): Promise<number> {
    const [row] = await this.database.query<{ version: number | string }>('SELECT version FROM source_version WHERE id = 1');
    return Number(row?.version ?? 0);
  }

  /** All sources, ordered by name. */
  async all(): Promise<StoredSource[]> {
    const [rows, tokens] = [
      await this.database.query<SourceRow>('SELECT * FROM source ORDER BY name'),
      await this.database.query<TokenRow>('SELECT * FROM source_token ORDER BY id'),
    ];
    return rows.map((row) => stored(row, tokens));
  }

  /** Inside a transaction, the row of the source is locked until its end. */
  async named(name: string): Promise<StoredSource | undefined> {
    const lock = this.database.inTransaction ? this.database.dialect.forUpdate : '';
    const [row] = await this.database.query<SourceRow>(`SELECT * FROM source WHERE name = ?${lock}`, [name]);
    if (!row) return undefined;
    return stored(row, await this.database.query<TokenRow>('SELECT * FROM source_token WHERE source_id = ? ORDER BY id', [row.id]));
  }

  /** Inside a transaction: locks the source against removal until its end; returns false when it no longer exists. */
  async lock(id: number): Promise<boolean> {
    return (await this.database.query('SELECT id FROM source WHERE id = ?' + this.database.dialect.forUpdate, [id])).length > 0;
  }

  /** Inside a transaction. Throws {@link TocsinError} T7022 when the name or the data_id is taken. */
  async create(definition: SourceDefinition, secrets: string | null, now: number): Promise<StoredSource> {
    const version = await this.#nextVersion();
    await this.#refuseTaken(definition, 0);
    const { name, kind } = definition;
    await this.database.insert(
      'source',
      ['name', 'kind', 'data_id', 'definition', 'secrets', 'version', 'declared_at', 'created_at', 'updated_at'],
      [[name, kind, dataId(definition), JSON.stringify(definition), secrets, version, now, now, now]],
    );
    return (await this.named(name))!;
  }

  /** Inside a transaction. Throws {@link TocsinError} T7022 when the data_id is taken. */
  async change(id: number, definition: SourceDefinition, secrets: string | null, declaredAt: number, now: number): Promise<StoredSource> {
    const version = await this.#nextVersion();
    await this.#refuseTaken(definition, id);
    await this.database.execute(
      'UPDATE source SET kind = ?, data_id = ?, definition = ?, secrets = ?, version = ?, declared_at = ?, updated_at = ? WHERE id = ?',
      [definition.kind, dataId(definition), JSON.stringify(definition), secrets, version, declaredAt, now, id],
    );
    return (await this.named(definition.name))!;
  }

  /** Inside a transaction. */
  async remove(id: number): Promise<void> {
    await this.#nextVersion();
    await this.database.execute('DELETE FROM source_token WHERE source_id = ?', [id]);
    await this.database.execute('DELETE FROM source WHERE id = ?', [id]);
  }

  /** Inside a transaction. */
  async addToken(id: number, hash: string, now: number): Promise<void> {
    await this.#nextVersion();
    await this.database.insert('source_token', ['source_id', 'hash', 'created_at'], [[id, hash, now]]);
  }

  /** Inside a transaction. */
  async removeToken(tokenId: number): Promise<void> {
    await this.#nextVersion();
    await this.database.execute('DELETE FROM source_token WHERE id = ?', [tokenId]);
  }

  /** Inside a transaction. The row is also a lock, which makes changes sequential. */
  async #nextVersion(): Promise<number> {
    await this.database.execute('UPDATE source_version SET version = version + 1 WHERE id = 1');
    return this.version();
  }

  async #refuseTaken(definition: SourceDefinition, id: number): Promise<void> {
    const [same] = await this.database.query('SELECT id FROM source WHERE name = ? AND id <> ?', [definition.name, id]);
    if (same) throw new TocsinError('T7022', `named ${definition.name}`);
    const number = dataId(definition);
    const [other] =
      number === null ? [] : await this.database.query<SourceRow>('SELECT name FROM source WHERE data_id = ? AND id <> ?', [number, id]);
    if (other) throw new TocsinError('T7022', `with data_id ${number}: ${other.name}`);
  }
}

const dataId = (definition: SourceDefinition): number | null => (definition.kind === 'http' ? (definition.data_id ?? null) : null);

function stored(row: SourceRow, tokens: readonly TokenRow[]): StoredSource {
  const stamp = {
    id: row.id,
    version: Number(row.version),
    declared_at: Number(row.declared_at),
    created_at: Number(row.created_at),
    updated_at: Number(row.updated_at),
  };
  return {
    source: { ...(JSON.parse(row.definition) as SourceDefinition), ...stamp },
    secrets: row.secrets,
    tokens: tokens.filter(({ source_id: of }) => of === row.id).map(({ id, hash, created_at: at }) => ({ id, hash, created_at: Number(at) })),
  };
}
