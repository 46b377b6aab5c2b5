import { errors } from '../../errors.ts';
import type { Face } from '../../faces/face.ts';
import type { PictureHeader } from '../picture-source.ts';
import { coversFaces, type Recipe } from '../recipe.ts';
import { type Decoder, decode } from '../stages/decode.ts';
import type { FaceLookup } from '../stages/face-aware-crop.ts';
import { PROBE_SIDE_PX } from '../stages/look-depth.ts';
import { rgbaOnWhite } from '../stages/small-pictures.ts';

/** When a look that could not be made may be possible, in seconds. */
const RETRY_AFTER_S = 5;

/**
 * The faces to be covered, in fractions of the upright original; none where the recipe covers none. By the deepest look, whatever the
 * size of the rendition: what a crop need not notice is to be covered all the same. Throws `busy` where they are not known.
 */
export async function allFaces(
  decoder: Decoder,
  header: PictureHeader,
  recipe: Recipe,
  lookup: FaceLookup,
): Promise<readonly Face[]> {
  if (!coversFaces(recipe)) return [];
  const side = PROBE_SIDE_PX.tiles;
  const probe = async () => {
    const inside = { width: side, height: side, fit: 'inside', withoutEnlargement: true } as const;
    const pixels = await decode(decoder.load().resize(inside), header);
    return { data: rgbaOnWhite(pixels), width: pixels.width, height: pixels.height };
  };
  const faces = await lookup(probe, 'tiles');
  if (!faces) throw errors.busy(RETRY_AFTER_S);
  return faces;
}
