import { type Face, isFace, type LookDepth } from '../../faces/face.ts';

/**
 * The faces of an original by how far the look went that found them, largest first. A deeper look is no substitute for one that
 * came before: renditions that were framed by the first stay framed by it, so that a key always has the same bytes.
 */
export type KnownFaces = { readonly [depth in LookDepth]?: readonly Face[] };

/** As a record keeps them: `faces` of the deepest look, `wholeFaces` of a look before it. */
interface WrittenFaces {
  readonly depth: LookDepth;
  readonly faces: readonly Face[];
  readonly wholeFaces?: readonly Face[];
}

/** Faces beyond these change no crop. */
export const MAX_FACES = 100;

/** The faces that frame a rendition which needs a look of this depth; undefined where no look was as deep. */
export function facesFor(known: KnownFaces | undefined, depth: LookDepth): readonly Face[] | undefined {
  return depth === 'whole' ? (known?.whole ?? known?.tiles) : known?.tiles;
}

/** All that is known, for people. */
export function deepestFaces(known: KnownFaces | undefined): readonly Face[] | undefined {
  return facesFor(known, 'tiles') ?? facesFor(known, 'whole');
}

export function joinFaces(first: KnownFaces | undefined, second: KnownFaces | undefined): KnownFaces | undefined {
  return first && second ? { ...second, ...first } : (first ?? second);
}

export function writeFaces({ whole, tiles }: KnownFaces): WrittenFaces {
  if (!tiles) return { depth: 'whole', faces: whole ?? [] };
  return { depth: 'tiles', faces: tiles, ...(whole ? { wholeFaces: whole } : {}) };
}

/** `damaged` for what no version of this program wrote. Records of before looks had depths have none: those went to the tiles. */
export function readFaces(written: Readonly<Record<keyof WrittenFaces, unknown>>): KnownFaces | 'damaged' | undefined {
  const { depth = 'tiles', faces, wholeFaces } = written;
  if (faces === undefined) return undefined;
  if (!isFaces(faces) || !(wholeFaces === undefined || isFaces(wholeFaces))) return 'damaged';
  if (depth === 'whole') return { whole: faces };
  if (depth !== 'tiles') return 'damaged';
  return { tiles: faces, ...(wholeFaces ? { whole: wholeFaces } : {}) };
}

function isFaces(value: unknown): value is readonly Face[] {
  return Array.isArray(value) && value.length <= MAX_FACES && value.every(isFace);
}
