import { timingSafeEqual } from 'node:crypto';

/**
 * Compares secrets in a time that does not depend on where they differ; their lengths are no secret. The edge has no
 * `timingSafeEqual` and compares by a loop of its own (verify.ts).
 */
export function sameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
