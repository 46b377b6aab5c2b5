import { malformed } from '../scheme.ts';

interface Filter {
  readonly name: string;
  readonly args: readonly string[];
  /** As the URL has it. */
  readonly text: string;
}

/**
 * `filters:blur(2):quality(80)/` before the source. Parentheses nest: the argument of a watermark may be an address with slashes
 * and with a colon.
 */
export function separateFilters(text: string): { readonly filters: readonly Filter[]; readonly rest: string } {
  if (!text.startsWith('filters:')) return { filters: [], rest: text };
  const filters: Filter[] = [];
  let at = 'filters:'.length;
  for (;;) {
    const open = text.indexOf('(', at);
    const close = open < 0 ? -1 : closing(text, open);
    if (close < 0) throw malformed('The filters of thumbor have an open parenthesis, or none.');
    const name = text.slice(at, open);
    const args = text.slice(open + 1, close).split(',');
    filters.push({ name, args: args.map((arg) => arg.trim()), text: text.slice(at, close + 1) });
    const next = text[close + 1];
    if (next === '/') return { filters, rest: text.slice(close + 2) };
    if (next !== ':') throw malformed('The filters of thumbor are separated by colons, and end with a slash.');
    at = close + 2;
  }
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}
