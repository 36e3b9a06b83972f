import { parseAllDocuments } from 'yaml';
import { type ParsedSource, parseSource } from '../access/registry/source.js';
import { TocsinError } from '../shared/errors.js';

/**
 * Reads the sources of a file: YAML text (or parsed JSON) with the list `sources`; the lists of several YAML documents are concatenated.
 * The result is not validated. Throws {@link TocsinError} T7027, never with the text itself, which may contain a password.
 */
export function parseSourcesFile(content: unknown): unknown[] {
  const documents = typeof content === 'string' ? yamlDocuments(content) : [content];
  return documents.flatMap((document) => {
    if (document === null || document === undefined) return [];
    if (typeof document !== 'object' || Array.isArray(document)) throw new TocsinError('T7027', 'must be a mapping with sources:');
    const unknown = Object.keys(document).find((key) => key !== 'sources');
    if (unknown !== undefined) throw new TocsinError('T7027', `unknown key "${unknown}"; the only key is sources`);
    const { sources } = document as { sources?: unknown };
    if (!Array.isArray(sources)) throw new TocsinError('T7027', 'sources must be a list');
    return sources as unknown[];
  });
}

function yamlDocuments(text: string): unknown[] {
  return [...parseAllDocuments(text)].map((document) => {
    const error = document.errors[0];
    const at = error?.linePos?.[0];
    if (error) throw new TocsinError('T7027', `${error.code}${at ? ` in line ${at.line}, column ${at.col}` : ''}`);
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  });
}

/** Parses the sources of a file or a request. Throws {@link TocsinError} T7027, T7020 listing every invalid field, and T7020 for a duplicate name. */
export function parseSources(content: unknown): ParsedSource[] {
  const parsed = parseSourcesFile(content).map((value, index) => {
    try {
      return parseSource(value);
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      const list = error.details as { field: string; problem: string }[];
      const problems = list.map(({ field, problem }) => ({ field: `sources[${index}].${field}`, problem }));
      throw new TocsinError('T7020', problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '), problems);
    }
  });
  const names = parsed.map(({ definition }) => definition.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new TocsinError('T7020', `${twice} is declared twice`, []);
  return parsed;
}
