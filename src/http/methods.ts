/** HTTP methods by path pattern: a name with a colon matches one path segment, a star at the end matches any number of them. */
export class PathMethods {
  readonly #patterns = new Map<string, { readonly parts: readonly string[]; readonly methods: Set<string> }>();

  add(methods: string | readonly string[], pattern: string): void {
    const known = this.#patterns.get(pattern) ?? { parts: partsOf(pattern), methods: new Set<string>() };
    this.#patterns.set(pattern, known);
    for (const method of [methods].flat()) known.methods.add(method);
  }

  /** The methods of a path, in alphabetical order; empty for an unknown path. */
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
