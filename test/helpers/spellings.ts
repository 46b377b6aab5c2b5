import fc from 'fast-check';

/** Characters that the parser takes raw as well as encoded. `%`, `?` and `#` mean something else when they are raw. */
const EITHER = /[!-~]/;
const NEVER_RAW = /[%?#]/;
const LETTER_OR_DIGIT = /[a-z0-9]/i;

const encodedAs = (sign: string, hexCase: 'upper' | 'lower') => {
  const hex = Array.from(Buffer.from(sign), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  return hexCase === 'upper' ? hex.toUpperCase() : hex;
};

function partsOf(path: string): { head: string; id: string } {
  const [, head = '', id = ''] = /^(\/[^/]*\/[^/]*\/)(.*)$/.exec(path) ?? [];
  return { head, id: decodeURIComponent(id) };
}

/**
 * Every spelling of a signer's path that docs/cdn.md says is answered: per character raw or encoded throughout, `@` and
 * `,` and their like encoded in the id alone, slashes as written or encoded, hex digits in capitals or not.
 */
export function documentedSpellings(path: string): Set<string> {
  const { head, id } = partsOf(path);
  const rawSlashes = /^\/[^/]*\/[^/]*\/.*\//.test(path);
  const either = (text: string) =>
    new Set([...text].filter((sign) => EITHER.test(sign) && !LETTER_OR_DIGIT.test(sign) && !NEVER_RAW.test(sign)));
  const [inHead, inId] = [either(head.replaceAll('/', '')), either(id)];

  type Choice = { readonly head: readonly string[]; readonly id: readonly string[] };
  let choices: Choice[] = [{ head: [], id: [] }];
  for (const sign of new Set([...inHead, ...inId])) {
    const ways: [head: boolean, id: boolean][] = [[true, true]];
    if (sign !== '/' || rawSlashes) ways.push([false, false]);
    if (inHead.has(sign) && inId.has(sign) && encodeURIComponent(sign) !== sign) ways.push([false, true]);
    choices = choices.flatMap((choice) =>
      ways.map(([headEncoded, idEncoded]) => ({
        head: headEncoded && inHead.has(sign) ? [...choice.head, sign] : choice.head,
        id: idEncoded && inId.has(sign) ? [...choice.id, sign] : choice.id,
      })),
    );
  }
  const written = choices.flatMap((choice) =>
    (['upper', 'lower'] as const).map((hexCase) => {
      const write = (text: string, chosen: readonly string[]) =>
        [...text]
          .map((sign) =>
            chosen.includes(sign) || NEVER_RAW.test(sign) || !EITHER.test(sign) ? encodedAs(sign, hexCase) : sign,
          )
          .join('');
      return write(head, choice.head) + write(id, choice.id);
    }),
  );
  return new Set(written);
}

/** A path spelled anew, each character by a throw of its own; `mischief` 0 to 100 is how often one differs from the first. */
export function respelled(path: string, coin: fc.Stream<number>, mischief: number): string {
  const { head, id } = partsOf(path);
  const choice = new Map<string, boolean>();
  const hexCase = (coin.next().value ?? 0) < 50 ? 'upper' : 'lower';
  const spell = (sign: string) => {
    if (!choice.has(sign)) choice.set(sign, !LETTER_OR_DIGIT.test(sign) && (coin.next().value ?? 0) < 50);
    const swapped = (coin.next().value ?? 0) < mischief;
    const encoded = choice.get(sign) !== swapped || NEVER_RAW.test(sign) || !EITHER.test(sign);
    if (!encoded) return sign;
    return encodedAs(sign, (coin.next().value ?? 0) < mischief === (hexCase === 'upper') ? 'lower' : 'upper');
  };
  return [...head].map((sign) => (sign === '/' ? sign : spell(sign))).join('') + [...id].map(spell).join('');
}

/** Ids of few characters, so that their spellings can be counted. */
export const smallId = fc
  .array(fc.constantFrom('a', 'B', '7', '/', '.', '-', ',', '@', '~', '(', '%', '?', ' ', 'é', '|', '+'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((signs) => signs.join(''))
  .filter(
    (id) =>
      !id.startsWith('/') && !/%(25|2e|2f|5c|00)/i.test(id) && !id.split('/').some((part) => /^\.\.?$/.test(part)),
  );

export const throws = fc.infiniteStream(fc.nat({ max: 99 }));
