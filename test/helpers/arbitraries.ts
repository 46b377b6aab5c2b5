import fc from 'fast-check';

/** Pieces that have broken URL handling somewhere before. */
const TRICKY = [
  '/',
  '+',
  '%',
  '?',
  '#',
  '&',
  '=',
  '~',
  '*',
  '(',
  ')',
  '@',
  ':',
  ';',
  ' ',
  ',',
  "'",
  '"',
  'é',
  'e\u0301',
  '📷',
  '%2F',
  '%2B',
  '\\',
  '.',
  'ß',
  '{',
  '}',
];

const pieces = fc.array(fc.oneof(fc.constantFrom(...TRICKY), fc.string({ unit: 'grapheme', maxLength: 6 })), {
  minLength: 1,
  maxLength: 24,
});

/** Ids that the contract allows, as a storefront may have them. */
export const legalId: fc.Arbitrary<string> = pieces.map((parts) => parts.join('')).filter(isLegal);

function isLegal(id: string): boolean {
  if (id === '' || id.startsWith('/') || Buffer.byteLength(id) > 512 || /\p{Cc}/u.test(id) || !id.isWellFormed())
    return false;
  // What still hides a dot segment behind another encoding is refused as well.
  return (
    !/%(25|2e|2f|5c|00)/i.test(id.replaceAll('%2F', '')) &&
    !id.split(/[/\\]|%2F/).some((part) => part === '.' || part === '..')
  );
}
