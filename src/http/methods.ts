/** The methods that paths take, by their patterns: names with a colon stand for any one part, a star at the end for everything. */
export class PathMethods {
  readonly #patterns = new Map<string, { readonly parts: readonly string[]; readonly methods: Set<string> }>();

  add(methods: string | readonly string[], pattern: string): void {
    const known = this.#patterns.get(pattern) ?? { parts: partsOf(pattern), methods: new Set<string>() };
    this.#patterns.set(pattern, known);
    for (const method of [methods].flat()) known.methods.add(method);
  }

  /** What the path takes, in alphabetical order; empty when there is no such path. */
  of(path: string): string[] {
    const parts = partsOf(path.split('?', 1)[0]!);
    const methods = [...this.#patterns.values()].filter((pattern) => fits(pattern.parts, parts)).flatMap((pattern) => [...pattern.methods]);
    return [...new Set(methods)].sort();
  }
}

const partsOf = (path: string): string[] => path.split('/').filter(Boolean);

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) === '*') return pattern.slice(0, -1).every((part, i) => part === path[i]);
  return pattern.length === path.length && pattern.every((part, i) => part.startsWith(':') || part === path[i]);
}
