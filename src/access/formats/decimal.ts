/** What a decimal number that was written as text is worth; undefined when the text is none. */
export function decimalOf(text: string): number | undefined {
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}
