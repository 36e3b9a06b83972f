import { parseAllDocuments } from 'yaml';
import { TocsinError } from '../shared/errors.js';

/** The content of a rules file, not validated yet. */
export interface RulesFile {
  readonly strategies: readonly unknown[];
  readonly receivers: readonly unknown[];
}

/**
 * Reads a rules file: YAML text, or parsed JSON, with the lists `strategies` and `receivers`. The lists of several YAML documents are concatenated.
 * Throws {@link TocsinError} T2004 with line and column.
 */
export function parseRulesFile(content: unknown): RulesFile {
  const documents = typeof content === 'string' ? yamlDocuments(content) : [content];
  const strategies: unknown[] = [];
  const receivers: unknown[] = [];
  for (const document of documents) {
    if (document === null || document === undefined) continue;
    if (typeof document !== 'object' || Array.isArray(document)) throw new TocsinError('T2004', 'must be a mapping with strategies: and receivers:');
    for (const [key, value] of Object.entries(document)) {
      if (key !== 'strategies' && key !== 'receivers') throw new TocsinError('T2004', `unknown key "${key}"; strategies and receivers are known`);
      if (!Array.isArray(value)) throw new TocsinError('T2004', `${key} must be a list`);
      (key === 'strategies' ? strategies : receivers).push(...(value as unknown[]));
    }
  }
  return { strategies, receivers };
}

function yamlDocuments(text: string): unknown[] {
  return [...parseAllDocuments(text)].map((document) => {
    const error = document.errors[0];
    if (error) throw new TocsinError('T2004', error.message);
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  });
}
