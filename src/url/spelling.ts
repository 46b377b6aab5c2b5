/**
 * The spellings of an image URL that are answered. RFC 3986, 6.2.2, lets caches treat raw and percent-encoded characters
 * alike, but few do, so each further spelling is a way around a CDN's cache. CDNs and proxies rewrite a URL by one rule
 * throughout; only a mixture that no such rule gives is refused.
 */

/** A percent-encoded byte, or a character that may stand raw or encoded. */
const UNIT = /%([0-9a-f]{2})|[^%a-z0-9]/gi;
const LETTER_OR_DIGIT = /[a-z0-9]/i;

/** ASCII characters of a part that stand raw, and those that stand encoded. */
function unitsOf(part: string): { raw: Set<string>; encoded: Set<string> } {
  const [raw, encoded] = [new Set<string>(), new Set<string>()];
  for (const [unit, hex] of part.matchAll(UNIT)) {
    if (hex === undefined) raw.add(unit);
    else encoded.add(String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return { raw, encoded };
}

/** A part of the URL, and which characters the signers write raw in it (image-path.ts). */
const HEAD = () => true;
const ID = (sign: string) => sign === '/' || encodeURIComponent(sign) === sign;
const VALUES = (sign: string) => sign !== "'" && encodeURIComponent(sign) === sign;

/**
 * Whether this is one of the few spellings: letters and digits raw, hex digits of one case, and each other character
 * either raw or encoded throughout, save where the signers themselves write it raw in one part and encoded in another: `@` and `,`
 * of the `head`, which is signature and preset, slashes of the `id`. Slashes of the id stand as the signers write them or all
 * encoded. `values`: of all query parameters.
 */
export function isConsistent(head: string, id: string, values = ''): boolean {
  if (/(?:^|\/)(?:\/|$)/.test(id)) return false;
  const whole = head + id + values;
  if (!whole.includes('%')) return true;
  const hex = whole.match(/%../g)?.join('') ?? '';
  if (/[a-f]/.test(hex) && /[A-F]/.test(hex)) return false;
  const parts = [
    { ...unitsOf(head), writtenRaw: HEAD },
    { ...unitsOf(id), writtenRaw: ID },
    { ...unitsOf(values), writtenRaw: VALUES },
  ];
  return parts.every(({ encoded, writtenRaw }) =>
    [...encoded].every(
      (sign) =>
        !LETTER_OR_DIGIT.test(sign) &&
        parts.every((other) => !other.raw.has(sign) || (!writtenRaw(sign) && other.writtenRaw(sign))),
    ),
  );
}
