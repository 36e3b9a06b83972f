/** Quantifiers without an upper bound: each multiplies the work by the length of a topic's name. */
const MAX_OPEN_QUANTIFIERS = 3;

/**
 * Why a pattern of topic names is not taken, or undefined when it is: a regular expression without groups that repeat, look-around and back
 * references, so that a name can never take long to match.
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

/** The pattern as it is asked of topics: the whole name matches. */
export const wholeName = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

/** Topics of a cluster that a source means; those of its list that are not there are `missing`. */
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
