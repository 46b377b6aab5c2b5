import { readFileSync } from 'node:fs';
import type { UrlOptions } from '../../src/url/family.ts';
import type { SignedParameters } from '../../src/url/image-path.ts';
import type { PresetShape, PresetShapes } from '../../src/url/markup/shapes.ts';

export interface Vector {
  readonly name: string;
  readonly key: string;
  readonly preset: string;
  readonly suffix: string;
  readonly id: string;
  readonly expiresAt: number | null;
  /** By their names in the URL, without `exp`; in vectors of version 2. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly path: string;
}

/** A call of a signer, and the path that it must write. */
export interface CallVector {
  readonly name: string;
  readonly key: string;
  readonly preset: string;
  /** Null for an inline recipe. */
  readonly shape: PresetShape | null;
  readonly options: UrlOptions;
  readonly id: string;
  readonly path: string;
}

/** A call that every signer refuses. */
export interface RefusedVector extends Omit<Vector, 'signature' | 'path'> {
  /** The sentence names it. */
  readonly names: string;
}

interface Published {
  readonly vectors: Vector[];
  readonly calls: CallVector[];
  readonly refused: RefusedVector[];
  /** Of any preset; signers take them where they do not put suffixes together themselves. */
  readonly refusedSuffixes: string[];
}

export const { vectors, calls, refused, refusedSuffixes }: Published = JSON.parse(
  readFileSync(new URL('../url/vectors.json', import.meta.url), 'utf8'),
);

/** What a vector's signature covers beside preset and id. */
export function parametersOf({
  expiresAt,
  parameters = {},
}: Pick<Vector, 'expiresAt' | 'parameters'>): SignedParameters {
  const { dl, v, ...texts } = parameters;
  const variables = Object.entries(texts).map(([name, text]) => [name.replace(/^t\./, ''), text]);
  return {
    expiresAt: expiresAt ?? undefined,
    ...(dl === undefined ? {} : { download: dl }),
    ...(v === undefined ? {} : { version: v }),
    ...(variables.length > 0 ? { variables: Object.fromEntries(variables) } : {}),
  };
}

/** The calls that make a vector's URL with either signer: presets that offer what its suffix asks for, and the options. */
export function callFor(vector: Vector): { presets: PresetShapes; options: UrlOptions } {
  const { preset, suffix } = vector;
  const [, ratio, width, format] = /^(?:@([\d.]+)x|@(\d+)w)?(?:\.([a-z]+))?$/.exec(suffix) ?? [];
  return {
    presets: {
      [preset]: {
        ...{ width: 100, height: 100 },
        widths: width ? [Number(width)] : [],
        pixelRatios: ratio ? [Number(ratio)] : [],
        formats: format ? [format] : [],
      },
    },
    options: {
      ...(width ? { width: Number(width) } : {}),
      ...(ratio ? { pixelRatio: Number(ratio) } : {}),
      ...(format ? { format: format as 'avif' } : {}),
      ...parametersOf(vector),
    },
  };
}
