import { LegacyRefusal, malformed, type SourceRule } from './scheme.ts';

/** `https://`, `s3://`, `local://`. */
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/**
 * The id of an old URL's source, by the shop's rules; the longest `from` goes first. No address is ever fetched, and one that no rule
 * names is refused. A path without an address is the id itself where no rule says otherwise.
 */
export function idOf(source: string, rules: readonly SourceRule[]): string {
  const named = rules.filter(({ from }) => from !== '').toSorted((a, b) => b.from.length - a.from.length);
  const address = SCHEME.test(source) || source.startsWith('//');
  for (const { from, to } of named) {
    const rest = behind(source, from);
    if (rest !== undefined) return placed(to, SCHEME.test(from) || address ? pathOf(rest) : rest);
  }
  if (address)
    throw new LegacyRefusal('unknown_source', 'The source of this URL stands for no original of this server.', source);
  return placed(rules.find(({ from }) => from === '')?.to ?? '', source);
}

/** Scheme and host in letters of any size (RFC 3986, 6.2.2.1). A rule without a scheme is for any. */
function behind(source: string, from: string): string | undefined {
  const bare = SCHEME.test(from) ? source : source.replace(/^(?:https?:)?\/\//i, '');
  const host = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/)?[^/]*/i.exec(bare)?.[0].length ?? 0;
  const normal = bare.slice(0, host).toLowerCase() + bare.slice(host);
  return normal.startsWith(from) ? normal.slice(from.length) : undefined;
}

/** An address is encoded once more than the key of its object. One with a query or a fragment is none of an object. */
function pathOf(rest: string): string {
  if (/[?#]/.test(rest))
    throw new LegacyRefusal(
      'unknown_source',
      'The source of this URL has a query or a fragment, which no original has.',
    );
  try {
    return decodeURIComponent(rest);
  } catch {
    throw malformed('The source is not validly percent-encoded UTF-8.');
  }
}

function placed(to: string, rest: string): string {
  return to.includes('*') ? to.replace('*', () => rest) : to + rest;
}
