import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type AuditEntry, AuditService } from '../database/audit.service.js';
import { Database } from '../database/database.client.js';
import { CursorRepository } from '../log/cursor.repository.js';
import { Secrets } from '../runtime/secrets.service.js';
import type { Actor } from '../shared/actor.js';
import { TocsinError } from '../shared/errors.js';
import {
  cursorGroup,
  differences,
  type ParsedSource,
  changesInput,
  mergedSecrets,
  redacted,
  type Source,
  type SourceDefinition,
  type SourceSecrets,
} from '../access/registry/source.js';
import { SourceReader } from '../access/registry/source.reader.js';
import { SourceRepository, type StoredSource } from '../access/registry/source.repository.js';
import { tokenHash, tokenText } from '../access/registry/source-token.js';

/** A source in API responses. */
export type ShownSource = Source & { readonly tokens?: readonly { readonly id: number; readonly created_at: number }[] };
/** A source with its new token, which is returned only once. */
export type SourceWithToken = ShownSource & { readonly token?: string };

/** Effect of applying a definition. */
export interface SourceChangeResult {
  readonly name: string;
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** Names of the changed fields, never their values. */
  readonly changed: readonly string[];
  /** Present when an HTTP source was created; returned only once. */
  readonly token?: string;
}

/** The actor and the time of a change. */
export interface SourceChange {
  readonly actor: Actor;
  readonly now: number;
}

/** Changes sources. Every change is recorded in the audit table, without secrets. */
@Injectable()
export class SourceService {
  constructor(
    private readonly database: Database,
    private readonly sources: SourceRepository,
    private readonly reader: SourceReader,
    private readonly secrets: Secrets,
    private readonly cursors: CursorRepository,
    private readonly audit: AuditService,
  ) {}

  async list(): Promise<ShownSource[]> {
    return (await this.sources.all()).map(display);
  }

  /** Throws {@link TocsinError} T7021. */
  async get(name: string): Promise<ShownSource> {
    return display(await this.#named(name));
  }

  /** Throws {@link TocsinError} T7020, T7022, T7023. The response for an HTTP source includes its token, which cannot be read again. */
  async create({ definition, secrets }: ParsedSource, change: SourceChange): Promise<SourceWithToken> {
    const settled = mergedSecrets(definition, secrets);
    return this.#changing(() => this.#create(definition, settled, change));
  }

  /**
   * Replaces the definition; omitted secrets are kept. `expected` is the version on which the caller based the change, if given.
   * Throws {@link TocsinError} T7020, T7021, T7022, T7023, T7026.
   */
  async replace(name: string, { definition, secrets }: ParsedSource, change: SourceChange, expected?: number): Promise<ShownSource> {
    if (definition.name !== name) throw new TocsinError('T7020', 'name: cannot be changed; create a new source and delete this one', []);
    return this.#changing(async () => {
      const before = await this.#named(name);
      if (expected !== undefined && expected !== before.source.version)
        throw new TocsinError('T7026', `version is ${before.source.version}, not ${expected}`);
      return (await this.#replace(before, definition, secrets, change)).shown;
    });
  }

  /** Throws {@link TocsinError} T7021. */
  enable(name: string, enabled: boolean, change: SourceChange): Promise<ShownSource> {
    return this.#changing(async () => {
      const before = await this.#named(name);
      return (await this.#replace(before, { ...definitionOf(before.source), is_enabled: enabled }, {}, change)).shown;
    });
  }

  /** Removes the source, its tokens and its positions; a new source of the same name begins at its `start`. Throws {@link TocsinError} T7021. */
  remove(name: string, change: SourceChange): Promise<void> {
    return this.#changing(async () => {
      const { source } = await this.#named(name);
      await this.sources.remove(source.id);
      await this.cursors.forget(cursorGroup(name));
      await this.#record('source.deleted', name, change, { before: { kind: source.kind } });
    });
  }

  /** Creates a second token; the first remains valid until it is revoked. Throws {@link TocsinError} T7021, T7025, T7028. */
  addToken(name: string, change: SourceChange): Promise<{ token: string }> {
    return this.#changing(async () => {
      const { source, tokens } = await this.#http(name);
      if (tokens.length >= 2) throw new TocsinError('T7025', `${name} has two tokens; revoke the older one first`);
      return { token: await this.#addToken(source, change) };
    });
  }

  /** Revokes the older of two tokens. Throws {@link TocsinError} T7021, T7025, T7028. */
  revokeToken(name: string, change: SourceChange): Promise<void> {
    return this.#changing(async () => {
      const { tokens } = await this.#http(name);
      const [older, newer] = tokens;
      if (!older || !newer) throw new TocsinError('T7025', `${name} has only one token; create a new one first, or disable the source`);
      await this.sources.removeToken(older.id);
      await this.#record('source.token_revoked', name, change, { before: { token: older.id } });
    });
  }

  /** Returns the changes that {@link apply} would make. Throws {@link TocsinError} T7020. */
  async plan(parsed: readonly ParsedSource[]): Promise<SourceChangeResult[]> {
    return Promise.all(parsed.map(async ({ definition, secrets }) => this.#outcome(await this.sources.named(definition.name), definition, secrets)));
  }

  /** Creates or updates sources by name, all or none. Identical sources and sources that are not listed remain unchanged. */
  async apply(parsed: readonly ParsedSource[], change: SourceChange): Promise<SourceChangeResult[]> {
    return this.#changing(async () => {
      const applied: SourceChangeResult[] = [];
      for (const { definition, secrets } of parsed) {
        const before = await this.sources.named(definition.name);
        const outcome = this.#outcome(before, definition, secrets);
        if (!before) {
          const { token } = await this.#create(definition, mergedSecrets(definition, secrets), change);
          applied.push({ ...outcome, ...(token !== undefined && { token }) });
        } else {
          if (outcome.outcome === 'updated') await this.#replace(before, definition, secrets, change);
          applied.push(outcome);
        }
      }
      return applied;
    });
  }

  /** Records in the audit table that an actor resumed the source. The version increases, so that every replica retries. */
  resumed(name: string, detail: object, change: SourceChange): Promise<void> {
    return this.#changing(async () => {
      const { source, secrets } = await this.#named(name);
      await this.sources.change(source.id, definitionOf(source), secrets, source.declared_at, change.now);
      await this.#record('source.resumed', name, change, { after: detail });
    });
  }

  #outcome(before: StoredSource | undefined, definition: SourceDefinition, given: SourceSecrets): SourceChangeResult {
    const { name } = definition;
    if (!before) {
      mergedSecrets(definition, given);
      return { name, outcome: 'created', changed: [] };
    }
    const stored = this.#open(before);
    const secrets = mergedSecrets(definition, given, { of: before.source, secrets: stored });
    const changed = differences(definitionOf(before.source), definition);
    if (JSON.stringify(secrets) !== JSON.stringify(stored)) changed.push('secrets');
    return { name, outcome: changed.length > 0 ? 'updated' : 'unchanged', changed };
  }

  async #create(definition: SourceDefinition, secrets: SourceSecrets, change: SourceChange): Promise<SourceWithToken> {
    const created = await this.sources.create(definition, this.#seal(definition.name, secrets), change.now);
    await this.#record('source.created', definition.name, change, { after: { kind: definition.kind } });
    if (definition.kind === 'kafka') return display(created);
    const token = await this.#addToken(created.source, change);
    return { ...display((await this.sources.named(definition.name))!), token };
  }

  async #replace(before: StoredSource, definition: SourceDefinition, given: SourceSecrets, change: SourceChange): Promise<{ shown: ShownSource }> {
    const { source } = before;
    const { changed } = this.#outcome(before, definition, given);
    const secrets = mergedSecrets(definition, given, { of: source, secrets: this.#open(before) });
    const sealed = Object.keys(given).length > 0 || changed.includes('secrets') ? this.#seal(source.name, secrets) : before.secrets;
    const declaredAt = changesInput(changed) ? change.now : source.declared_at;
    const after = await this.sources.change(source.id, definition, sealed, declaredAt, change.now);
    await this.#record('source.updated', source.name, change, { after: { changed } });
    return { shown: display(after) };
  }

  async #addToken({ id, name }: Source, change: SourceChange): Promise<string> {
    const text = tokenText(randomBytes(32));
    await this.sources.addToken(id, tokenHash(text), change.now);
    await this.#record('source.token_created', name, change);
    return text;
  }

  async #named(name: string): Promise<StoredSource> {
    const found = await this.sources.named(name);
    if (!found) throw new TocsinError('T7021', name);
    return found;
  }

  async #http(name: string): Promise<StoredSource> {
    const found = await this.#named(name);
    if (found.source.kind !== 'http') throw new TocsinError('T7028', `${name} has kind ${found.source.kind}, which has no tokens`);
    return found;
  }

  /** The secrets of a stored source; none when they cannot be decrypted any more, so that they can be replaced. */
  #open({ source, secrets }: StoredSource): SourceSecrets {
    if (secrets === null) return {};
    try {
      return openSecrets(this.secrets, source.name, secrets);
    } catch (error) {
      if (error instanceof TocsinError) return {};
      throw error;
    }
  }

  #seal(name: string, secrets: SourceSecrets): string | null {
    return Object.keys(secrets).length === 0 ? null : this.secrets.seal(JSON.stringify(secrets), cursorGroup(name));
  }

  #record(action: `source.${string}`, name: string, { actor, now }: SourceChange, detail: Pick<AuditEntry, 'before' | 'after'> = {}): Promise<void> {
    return this.audit.record({ actor, action, object: { kind: 'source', id: name }, ...detail }, now);
  }

  async #changing<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.database.transaction(work);
    await this.reader.refresh();
    return result;
  }
}

/** Decrypts secrets that {@link SourceService} has stored. Throws {@link TocsinError} T7023, T7024. */
export function openSecrets(secrets: Pick<Secrets, 'open'>, name: string, sealed: string | null): SourceSecrets {
  return sealed === null ? {} : (JSON.parse(secrets.open(sealed, cursorGroup(name))) as SourceSecrets);
}

function display({ source, tokens }: StoredSource): ShownSource {
  const open = redacted(source);
  return open.kind === 'http' ? { ...open, tokens: tokens.map(({ id, created_at: at }) => ({ id, created_at: at })) } : open;
}

function definitionOf(source: Source): SourceDefinition {
  const { id: _id, version: _version, declared_at: _declared, created_at: _created, updated_at: _updated, ...definition } = source;
  return definition;
}
