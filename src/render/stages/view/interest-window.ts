import type { HeldPicture, Hold } from '../../engine/held.ts';
import { refuse } from '../../formats/header.ts';
import type { PictureHeader } from '../../picture-source.ts';
import { sizeWithin } from '../../pixels.ts';
import { coversParts, type Recipe, seeksAttention } from '../../recipe.ts';
import type { SharpModule } from '../../sharp.ts';
import type { Conversion } from '../colour.ts';
import type { Decoder } from '../decode.ts';
import { cutsAway, type FramePlan } from '../geometry.ts';
import { wholePlan } from './plan.ts';

/** Longer side of the copy in which libvips looks; it would shrink a picture to 32 pixels to find attention. */
const LOOKED_AT_PX = 320;

export type Interest = 'entropy' | 'attention';

/**
 * By which of libvips' measures a window is placed before it is decoded; undefined where none is, or where it is placed on the way:
 * attention in a picture that is scaled whole, and of which no part is covered.
 */
export function interestOf(
  { plan, plain }: Pick<Decoder, 'plan' | 'plain'>,
  recipe: Pick<Recipe, 'gravity' | 'enlarge' | 'edit' | 'effects'>,
): Interest | undefined {
  if (!cutsAway(plan)) return undefined;
  if (recipe.gravity === 'entropy') return recipe.edit?.focus ? undefined : 'entropy';
  return seeksAttention(recipe) && (!plain || recipe.enlarge || coversParts(recipe)) ? 'attention' : undefined;
}

/** Moves the window to what draws the eye, but where that is found on the way, in a picture that the engine does not hold. */
export async function cropToInterest(
  sharp: SharpModule,
  decoder: Decoder,
  header: PictureHeader,
  recipe: Recipe,
  hold: Hold,
): Promise<{ readonly decoder: Decoder; readonly held: HeldPicture | undefined }> {
  const { plan, moves, position } = decoder;
  const placed = moves ? undefined : interestOf(decoder, recipe);
  const sought = placed ?? (!moves && position === 'attention' && cutsAway(plan) ? 'attention' : undefined);
  const held = sought && (await hold({ nearest: plan.scaled, lookSide: LOOKED_AT_PX }));
  const interest = held ? sought : placed;
  if (!interest) return { decoder, held };
  try {
    return { decoder: decoder.withPlan(await windowToInterest(sharp, decoder, header, interest, held)), held };
  } catch (error) {
    held?.[Symbol.dispose]();
    throw error;
  }
}

/** The plan with its window where libvips' measure puts it in a small copy of what is shown: in the same place at each size. */
async function windowToInterest(
  sharp: SharpModule,
  decoder: Decoder,
  header: Conversion,
  interest: Interest,
  held: HeldPicture | undefined,
): Promise<FramePlan> {
  const { plan } = decoder;
  const { scaled, window } = plan;
  const size = sizeWithin(LOOKED_AT_PX, scaled);
  const looked = await held?.look({ ...decoder, plan: wholePlan(size) });
  const { data, channels } = looked ?? (await decoder.whole(size, header));
  const sought = {
    width: Math.max(1, Math.round((window.width * size.width) / scaled.width)),
    height: Math.max(1, Math.round((window.height * size.height) / scaled.height)),
  };
  const { info } = await sharp(data, { raw: { ...size, channels } })
    .resize({ ...sought, fit: 'cover', position: sharp.strategy[interest] })
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const moved = (offset: number | undefined, small: number, large: number, most: number) =>
    Math.min(most, Math.max(0, Math.round((-(offset ?? 0) * large) / small)));
  const left = moved(info.cropOffsetLeft, size.width, scaled.width, scaled.width - window.width);
  const top = moved(info.cropOffsetTop, size.height, scaled.height, scaled.height - window.height);
  return { ...plan, window: { ...window, left, top } };
}
