import { TocsinError } from '../shared/errors.js';

/** `name="value"` or `name!="value"`; a label that is missing counts as empty. */
export interface LabelMatcher {
  readonly name: string;
  readonly equal: boolean;
  readonly value: string;
}

const SHAPE = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"=!~]+))\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"]*?))\s*$/s;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** Parses one label matcher; the value may be bare or in double quotes with `\" \\ \n`. Throws {@link TocsinError} T3003. */
export function parseMatcher(text: string): LabelMatcher {
  const found = SHAPE.exec(text);
  if (!found) throw new TocsinError('T3003', `filter=${text} is not a label matcher such as host="web-1" or host!="web-1"`);
  const [, quotedName, bareName, operator, quotedValue, bareValue] = found;
  if (operator === '=~' || operator === '!~') {
    throw new TocsinError('T3003', `filter=${text}: regular expressions are not supported, use = or !=`);
  }
  return {
    name: quotedName === undefined ? bareName! : unescape(quotedName),
    equal: operator === '=',
    value: quotedValue === undefined ? bareValue! : unescape(quotedValue),
  };
}

export function matches(matchers: readonly LabelMatcher[], labels: Readonly<Record<string, string>>): boolean {
  return matchers.every(({ name, equal, value }) => ((labels[name] ?? '') === value) === equal);
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (whole, character: string) => ESCAPES[character] ?? whole);
}
