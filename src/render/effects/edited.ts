import type { DecodeLimits, PictureSource } from '../picture-source.ts';
import type { Pixels, Size } from '../pixels.ts';
import type { Edit, Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { prepareDecoder } from '../stages/decode.ts';
import { requestOf } from '../stages/view/plan.ts';
import { placementOf } from './placement.ts';
import { applyRedact, coversOf } from './redact.ts';

/** All that an edit leaves of an original, and nothing else. */
const SHOWN = {
  ...{ fit: 'inside', output: 'png', quality: 80, effort: undefined, gravity: 'center', faceZoom: 1 },
  ...{ background: undefined, animated: false, gamut: 'srgb', trim: undefined, margin: 0, copyright: false },
  effects: { unit: 1 },
} as const satisfies Partial<Recipe>;

export interface EditedPicture {
  /** Pixels of the first frame, of at most `side` on the longer side. */
  readonly pixels: Pixels;
  /** The size that the edit leaves of the original: that of a rendition that scales nothing. */
  readonly size: Size;
}

/** An original as its edit shows it: turned, cropped, and covered. Throws as renders do. */
export async function editedPicture(
  sharp: SharpModule,
  source: PictureSource,
  edit: Edit,
  side: number,
  limits: DecodeLimits,
): Promise<EditedPicture> {
  const recipe: Recipe = { ...SHOWN, width: side, height: side, edit };
  const decoder = await prepareDecoder(sharp, source, recipe, limits);
  const pixels = await decoder.pixels(source.header);
  const placement = placementOf(decoder, source.header.size, requestOf(recipe), 1);
  return { pixels: await applyRedact(sharp, pixels, coversOf({ edit }, []), placement), size: decoder.shown };
}
