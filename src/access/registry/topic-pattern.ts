/** Quantifiers without an upper bound: each multiplies the work by the length of a topic's name. */
const MAX_OPEN_QUANTIFIERS = 3;

/**
 * Returns why a pattern of topic names is rejected, or undefined. Patterns are regular expressions without repeated groups, look-around and back
 * references, so that matching takes bounded time.
 */
export function patternProblem(pattern: string): string | undefined {
  if (/\(\?(?!:)/.test(pattern)) return 'must not contain look-around or named groups';
  if (/\\[1-9k]/.test(pattern)) return 'must not contain back references';
  if (/\)[*+{]/.test(pattern)) return 'must not repeat a group';
  const open = pattern.replace(/\\./g, '').match(/[*+]|\{\d*,\d*\}/g) ?? [];
  if (open.length > MAX_OPEN_QUANTIFIERS) return `must contain at most ${MAX_OPEN_QUANTIFIERS} of * + {}`;
  try {
    new RegExp(pattern);
    return undefined;
  } catch {
    return 'must be a regular expression';
  }
}

/** The pattern, anchored: it must match the whole name. */
export const wholeName = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

/** Topics of a cluster that a source selects; listed topics that do not exist are `missing`. */
export function selectedTopics(
  { topics, pattern }: { readonly topics?: readonly string[] | undefined; readonly pattern?: string | undefined },
  existing: Iterable<string>,
): { readonly topics: readonly string[]; readonly missing: readonly string[] } {
  const known = new Set(existing);
  if (pattern !== undefined) {
    const expression = wholeName(pattern);
    return { topics: [...known].filter((topic) => expression.test(topic)).sort(), missing: [] };
  }
  const listed = topics ?? [];
  return { topics: listed.filter((topic) => known.has(topic)), missing: listed.filter((topic) => !known.has(topic)) };
}
