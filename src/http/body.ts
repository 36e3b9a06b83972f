import { TocsinError } from '../shared/errors.js';
import { JsonError, flawCodes, parseJson } from '../shared/json.js';
import { decompress } from './decompress.js';
import type { RawBodyRoute } from './raw-body.decorator.js';

/** The parts of a request that determine how its body is read. */
export interface Incoming {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly is404: boolean;
  readonly routeOptions: { readonly config: unknown };
}

/** Content types that a page of another site can send without a CORS preflight; commands of these types are rejected. */
const unasked = /^(?:$|text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)/;
const json = /^application\/(?:[\w.-]+\+)?json$/;

/**
 * Returns the body that the handler of a request receives: the bytes on routes marked with `@RawBody()`, parsed JSON for JSON types,
 * the bytes of other types (such as YAML), undefined for an empty body. `limit` bounds the decompressed bytes.
 * Throws {@link TocsinError} T1001 to T1007.
 */
export async function readBody(request: Incoming, bytes: Buffer, limit: number): Promise<unknown> {
  if (request.is404) return undefined;
  const handledThere = (request.routeOptions.config as Partial<RawBodyRoute>).rawBody;
  const encoding = header(request, 'content-encoding');
  const plain = encoding === '' || encoding === 'identity' || handledThere?.includes(encoding) ? bytes : await decompress(bytes, encoding, limit);
  return handledThere ? plain : readCommand(plain, header(request, 'content-type').split(';', 1)[0]!.trim());
}

function readCommand(bytes: Buffer, type: string): unknown {
  if (bytes.length === 0) return undefined;
  if (json.test(type)) return readJson(bytes);
  if (unasked.test(type)) throw new TocsinError('T1004', `content type ${type || 'missing'}; must be application/json`);
  return bytes;
}

function readJson(bytes: Buffer): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw new TocsinError(flawCodes[error.reason], error.message);
    throw error;
  }
}

function header(request: Incoming, name: string): string {
  return String(request.headers[name] ?? '')
    .trim()
    .toLowerCase();
}
