import { Injectable, Logger } from '@nestjs/common';
import { Background } from '../../runtime/background.decorator.js';
import { PeriodicTask } from '../../shared/periodic-task.js';
import type { HttpSource, Source } from './source.js';
import { SourceRepository, type StoredSource } from './source.repository.js';
import { tokenHash } from './source-token.js';

/** Interval (ms) at which a replica checks for changes by other replicas. */
const POLL_MS = 1000;

interface Snapshot {
  readonly version: number;
  readonly stored: readonly StoredSource[];
  readonly byName: ReadonlyMap<string, StoredSource>;
  readonly byDataId: ReadonlyMap<number, HttpSource>;
  readonly byHash: ReadonlyMap<string, HttpSource>;
}

/**
 * The declared sources, at most two seconds old; a change made on this replica is visible at once. While the database is unavailable, the last
 * snapshot applies, so that ingestion continues.
 */
@Injectable()
export class SourceReader {
  readonly #listeners: (() => void)[] = [];
  #snapshot: Snapshot | undefined;
  #loading: Promise<Snapshot> | undefined;
  readonly #polling = new PeriodicTask({
    name: 'reading the sources',
    everyMs: POLL_MS,
    firstDelayMs: POLL_MS,
    run: () => this.#poll(),
    logger: new Logger('sources'),
  });

  constructor(private readonly sources: SourceRepository) {}

  @Background()
  polling(): PeriodicTask {
    return this.#polling;
  }

  async all(): Promise<readonly Source[]> {
    return (await this.#current()).stored.map(({ source }) => source);
  }

  async byName(name: string): Promise<Source | undefined> {
    return (await this.#current()).byName.get(name)?.source;
  }

  async byDataId(id: number): Promise<HttpSource | undefined> {
    return (await this.#current()).byDataId.get(id);
  }

  /** The source of a token. The lookup is by hash, so its duration reveals nothing about other tokens. */
  async byToken(text: string): Promise<HttpSource | undefined> {
    return (await this.#current()).byHash.get(tokenHash(text));
  }

  /** As {@link all}, with the secrets and tokens that only the source services may read. */
  async stored(): Promise<readonly StoredSource[]> {
    return (await this.#current()).stored;
  }

  /** `listener` is called after the sources have changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the sources again, now. */
  async refresh(): Promise<void> {
    // A read in progress may have started before the change.
    await this.#loading?.catch(() => undefined);
    await this.#load();
  }

  async #current(): Promise<Snapshot> {
    // Without polling, every call reads from the database.
    if (!this.#polling.isStarted || !this.#snapshot) return this.#load();
    return this.#snapshot;
  }

  #load(): Promise<Snapshot> {
    return (this.#loading ??= this.#read().finally(() => (this.#loading = undefined)));
  }

  async #read(): Promise<Snapshot> {
    // The version is read first: changes made during the read are found by the next poll.
    const version = await this.sources.version();
    const next = snapshot(version, await this.sources.all());
    const changed = this.#snapshot !== undefined && this.#snapshot.version !== version;
    this.#snapshot = next;
    if (changed) for (const listener of this.#listeners) listener();
    return next;
  }

  async #poll(): Promise<void> {
    if (!this.#snapshot || (await this.sources.version()) !== this.#snapshot.version) await this.#load();
  }
}

function snapshot(version: number, stored: readonly StoredSource[]): Snapshot {
  const http = stored.flatMap(({ source, tokens }) => (source.kind === 'http' ? [{ source, tokens }] : []));
  return {
    version,
    stored,
    byName: new Map(stored.map((each) => [each.source.name, each])),
    byDataId: new Map(http.flatMap(({ source }) => (source.data_id === undefined ? [] : [[source.data_id, source] as const]))),
    byHash: new Map(http.flatMap(({ source, tokens }) => tokens.map(({ hash }) => [hash, source] as const))),
  };
}
