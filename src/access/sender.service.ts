import { Injectable } from '@nestjs/common';
import { TocsinError } from '../shared/errors.js';
import { SourceReader } from './registry/source.reader.js';
import type { HttpSource } from './registry/source.js';

/** Header with the token, for senders behind a proxy that uses `Authorization` itself. */
const TOKEN_HEADER = 'x-tocsin-token';
/** Prefix of every Tocsin token; a Bearer token without it may belong to a proxy in front of Tocsin. */
const SOURCE_TOKEN = /^tsrc_/;

type Headers = Readonly<Record<string, unknown>>;

/** Authenticates the sender: the declared source of a request, by its token. */
@Injectable()
export class SenderService {
  constructor(private readonly sources: SourceReader) {}

  /**
   * The source whose token the request carries, on endpoints where a token is optional; undefined when it carries none.
   * Throws {@link TocsinError} T1013 when no source has the token (any more), and T1014.
   */
  async byToken(headers: Headers): Promise<HttpSource | undefined> {
    const bearer = bearerOf(headers);
    const token = tokenHeader(headers) ?? (bearer !== undefined && SOURCE_TOKEN.test(bearer) ? bearer : undefined);
    if (token === undefined) return undefined;
    const source = await this.sources.byToken(token);
    if (!source) throw new TocsinError('T1013', 'unknown or revoked token');
    return enabled(source);
  }

  /** The source of this name, if the request carries one of its tokens. Throws {@link TocsinError} T1011 to T1014. */
  async byName(name: string, headers: Headers): Promise<HttpSource> {
    const source = await this.sources.byName(name);
    if (source?.kind !== 'http') throw new TocsinError('T1011', source ? `${name} has kind ${source.kind}, not http` : await this.#notFound(name));
    return this.#authenticated(source, tokenHeader(headers) ?? bearerOf(headers) ?? '', 'send Authorization: Bearer <token>, or X-Tocsin-Token');
  }

  /** The source with this data id, if the token is one of its tokens. Throws {@link TocsinError} T1011 to T1014. */
  async byDataId(id: number, token: string): Promise<HttpSource> {
    const source = await this.sources.byDataId(id);
    if (!source) throw new TocsinError('T1011', await this.#notFound(`data_id ${id}`));
    return this.#authenticated(source, token, 'access_token is required');
  }

  /** Tokens are compared by hash, so response times do not leak them. */
  async #authenticated(source: HttpSource, token: string, how: string): Promise<HttpSource> {
    if (token === '') throw new TocsinError('T1012', how);
    if ((await this.sources.byToken(token))?.name !== source.name) throw new TocsinError('T1013', `not a token of ${source.name}, or revoked`);
    return enabled(source);
  }

  async #notFound(what: string): Promise<string> {
    const http = (await this.sources.all()).filter(({ kind }) => kind === 'http');
    const how = 'create one with POST /api/v1/sources {"kind":"http","name":…}';
    return http.length === 0 ? `${what}; no http source exists, ${how}` : what;
  }
}

function enabled(source: HttpSource): HttpSource {
  if (!source.is_enabled) throw new TocsinError('T1014', source.name);
  return source;
}

function tokenHeader(headers: Headers): string | undefined {
  const token = headers[TOKEN_HEADER];
  return typeof token === 'string' && token !== '' ? token : undefined;
}

function bearerOf({ authorization }: Headers): string | undefined {
  return typeof authorization === 'string' ? /^bearer +(\S+) *$/i.exec(authorization)?.[1] : undefined;
}
