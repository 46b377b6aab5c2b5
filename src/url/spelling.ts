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

/**
 * Whether this is one of the few spellings: letters and digits raw, hex digits of one case, and each other character
 * either raw or encoded throughout. `head` is signature and preset, where the signers write `@` and `,` raw that they
 * encode in the `id`. Slashes of the id stand as the signers write them (image-path.ts) or all encoded.
 */
export function isConsistent(head: string, id: string): boolean {
  if (/(?:^|\/)(?:\/|$)/.test(id)) return false;
  if (!head.includes('%') && !id.includes('%')) return true;
  const hex = `${head}${id}`.match(/%../g)?.join('') ?? '';
  if (/[a-f]/.test(hex) && /[A-F]/.test(hex)) return false;
  const [inHead, inId] = [unitsOf(head), unitsOf(id)];
  const mixed = (sign: string) => inId.raw.has(sign) || (inHead.raw.has(sign) && encodeURIComponent(sign) === sign);
  return (
    ![...inHead.encoded].some((sign) => LETTER_OR_DIGIT.test(sign) || inHead.raw.has(sign) || inId.raw.has(sign)) &&
    ![...inId.encoded].some((sign) => LETTER_OR_DIGIT.test(sign) || mixed(sign))
  );
}
