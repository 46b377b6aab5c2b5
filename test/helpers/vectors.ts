import { readFileSync } from 'node:fs';
import type { PresetShape, PresetShapes, UrlOptions } from '../../src/url/family.ts';

export interface Vector {
  readonly name: string;
  readonly key: string;
  readonly preset: string;
  readonly suffix: string;
  readonly id: string;
  readonly expiresAt: number | null;
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

export const { vectors, calls }: { vectors: Vector[]; calls: CallVector[] } = JSON.parse(
  readFileSync(new URL('../url/vectors.json', import.meta.url), 'utf8'),
);

/** The calls that make a vector's URL with either signer: presets that offer what its suffix asks for, and the options. */
export function callFor({ preset, suffix, expiresAt }: Vector): { presets: PresetShapes; options: UrlOptions } {
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
      ...(expiresAt === null ? {} : { expiresAt }),
    },
  };
}
