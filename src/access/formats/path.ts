/** Maximum number of characters and steps of a path. */
export const MAX_PATH = 256;
const MAX_STEPS = 16;

/** A step of a path: the name of a field, an index of an array, or all elements of an array. */
type Step = string | number | typeof ALL;
const ALL = Symbol('all');

/**
 * Location of a value in a JSON document. Names are separated by dots, `[0]` is an index of an array (`[-1]` the last), `["a.b"]` a name with dots,
 * `[*]` all elements. A path that begins with `$` starts at the document, any other at the item.
 */
export interface Path {
  readonly text: string;
  readonly fromDocument: boolean;
  readonly steps: readonly Step[];
}

const step = /\.?([^.[\]"$]+)|\[(-?\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]/y;

/** Parses a path; returns a message when it is invalid. */
export function parsePath(text: string, options: { readonly all?: boolean } = {}): Path | string {
  if (text.length > MAX_PATH) return `path must have at most ${MAX_PATH} characters`;
  const fromDocument = text.startsWith('$');
  const steps: Step[] = [];
  for (let at = fromDocument ? 1 : 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const found = step.exec(text);
    // A dot is a separator: the first name of an item path has none before it, every later one has.
    if (!found || (found[1] !== undefined && found[0].startsWith('.') !== (fromDocument || steps.length > 0)))
      return `unexpected "${text.slice(at, at + 20)}" at character ${at + 1}`;
    const read = stepOf(found);
    if (read === undefined) return `${found[0]} is not a valid name`;
    if (read === ALL && !options.all) return '[*] is only allowed in items';
    if (steps.push(read) > MAX_STEPS) return `path must have at most ${MAX_STEPS} steps`;
  }
  return steps.length > 0 || fromDocument ? { text, fromDocument, steps } : 'path must not be empty';
}

function stepOf([, name, place, quoted]: RegExpExecArray): Step | undefined {
  if (name !== undefined) return name;
  if (place !== undefined) return Number(place);
  if (quoted === undefined) return ALL;
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return undefined;
  }
}

/** The value at the path; undefined when there is none. Only own properties count. */
export function valueAt(path: Path, document: unknown, item: unknown): unknown {
  let value = path.fromDocument ? document : item;
  for (const each of path.steps) value = child(value, each);
  return value;
}

/** All values that a path with `[*]` selects, at most `most` + 1. */
export function valuesAt(path: Path, document: unknown, most: number): unknown[] {
  let values = [document];
  for (const each of path.steps) {
    const next: unknown[] = [];
    for (const value of values) {
      if (each !== ALL) next.push(child(value, each));
      else if (Array.isArray(value)) for (let i = 0; i < value.length && next.length <= most; i++) next.push(value[i]);
      if (next.length > most) break;
    }
    values = next;
  }
  return values.filter((value) => value !== undefined);
}

function child(value: unknown, each: Step): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return typeof each === 'number' ? (value.at(each) as unknown) : undefined;
  return typeof each === 'string' && Object.hasOwn(value, each) ? (value as Record<string, unknown>)[each] : undefined;
}
