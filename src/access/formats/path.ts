/** Characters of a path, and its steps, at most. */
export const MAX_PATH = 256;
const MAX_STEPS = 16;

/** A step of a path: the name of a field, the place in an array, or all elements of it. */
type Step = string | number | typeof ALL;
const ALL = Symbol('all');

/**
 * Where something stands in a JSON document. Names are separated by dots, `[0]` is a place in an array (`[-1]` the last), `["a.b"]` a name with dots,
 * `[*]` all elements. A path that begins with `$` starts at the document, any other at the item.
 */
export interface Path {
  readonly text: string;
  readonly fromDocument: boolean;
  readonly steps: readonly Step[];
}

const step = /\.?([^.[\]"$]+)|\[(-?\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]/y;

/** The path of a text, or what is wrong with it. */
export function parsePath(text: string, options: { readonly all?: boolean } = {}): Path | string {
  if (text.length > MAX_PATH) return `path must have at most ${MAX_PATH} characters`;
  const fromDocument = text.startsWith('$');
  const steps: Step[] = [];
  for (let at = fromDocument ? 1 : 0; at < text.length; at = step.lastIndex) {
    step.lastIndex = at;
    const found = step.exec(text);
    // A dot separates: the first name of an item has none before it, every later one has.
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

/** What stands at the path; undefined when nothing does. Only own fields count. */
export function valueAt(path: Path, document: unknown, item: unknown): unknown {
  let value = path.fromDocument ? document : item;
  for (const each of path.steps) value = child(value, each);
  return value;
}

/** Everything that the path with its `[*]` leads to, but no more than `most` + 1. */
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
