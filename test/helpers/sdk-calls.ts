import { type RefusedVector, refused, refusedSuffixes, type Vector } from './vectors.ts';

/** A call of a signer in another language. */
export type SdkCall = Omit<Vector, 'name' | 'signature' | 'path'> & {
  /** The preset's own format, which is not written. */
  readonly ownFormat?: string | undefined;
};

/**
 * A line for the runners in test/url/sdks: key, preset, suffix, own format, id, expiry, then parameters as name=value, between tabs.
 * Values are an `x` and their bytes in hex, the expiry an `x` and its seconds. Parameters stand in another order than in the URL.
 */
export function lineOf({ key, preset, suffix, ownFormat = '', id, expiresAt, parameters = {} }: SdkCall): string {
  const texts = [key, preset, suffix, ownFormat, id].map(hex);
  const named = Object.entries(parameters).map(([name, value]) => `${name}=${hex(value)}`);
  return [...texts, `x${expiresAt ?? ''}`, ...named.reverse()].join('\t');
}

const hex = (text: string) => `x${Buffer.from(text).toString('hex')}`;

/** What every signer refuses, and a part of the sentence that says why. */
export const refusals: RefusedVector[] = [
  ...refused,
  ...refusedSuffixes.map((suffix) => ({ ...plain(), name: `the suffix ${suffix}`, suffix, names: 'no suffix' })),
];

/** A line with an id that is no UTF-8, from its bytes in hex. */
export function lineOfBytes(id: string): string {
  return lineOf(plain()).replace(hex('id'), `x${id}`);
}

function plain() {
  return { key: '07'.repeat(32), preset: 'thumb', suffix: '', id: 'id', expiresAt: null };
}
