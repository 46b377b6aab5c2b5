import type { ImageReport } from '../api/meta/image-meta.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import { facesFor } from '../originals/records/known-faces.ts';
import type { Presets } from '../presets/presets.ts';
import type { Box, Size } from '../render/pixels.ts';
import { type Edit, type Recipe, seeksAttention } from '../render/recipe.ts';
import { facesWithin } from '../render/stages/face-aware-crop.ts';
import type { FaceBox } from '../render/stages/face-boxes.ts';
import { shortfall, windowToFaces } from '../render/stages/geometry.ts';
import { lookDepthFor } from '../render/stages/look-depth.ts';
import { planView, requestOf } from '../render/stages/view/plan.ts';
import { inverse, turnedBox, viewOf } from '../render/stages/view/view.ts';

export interface DetailsDeps {
  readonly presets: Presets;
  readonly metadata: OriginalMetadata;
  readonly imageMeta: (ids: readonly string[], signal: AbortSignal) => Promise<ImageReport[]>;
}

export interface DetailsChoice {
  readonly id: string;
  /** Undefined: of the original alone. */
  readonly preset: string | undefined;
  readonly suffix: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What the page draws over an original, in fractions of it as its edit shows it. */
export interface Details {
  readonly width?: number;
  readonly height?: number;
  readonly format?: string;
  /** The error where it cannot be shown. */
  readonly message?: string;
  readonly edit?: Edit | undefined;
  readonly alt?: string | undefined;
  /** For signed URLs, after an edit or a purge. */
  readonly v?: string | undefined;
  /** Undefined before they were looked for. */
  readonly faces?: readonly Box[] | undefined;
  /** The part that the rendition shows; undefined where only its pixels tell. */
  readonly window?: Box | undefined;
  /** Pixels of the rendition for each pixel that the preset speaks of. */
  readonly unit?: number;
}

const UNIT = { width: 1, height: 1 };
const TIMEOUT_MS = 20_000;

export async function detailsOf({ id, preset, suffix, variables }: DetailsChoice, deps: DetailsDeps): Promise<Details> {
  const { presets, metadata, imageMeta } = deps;
  const [meta] = await imageMeta([id], AbortSignal.timeout(TIMEOUT_MS));
  if (!meta || 'error' in meta) return { message: meta?.message ?? 'There is no such original.' };
  const { width, height, format, edit, alt, v } = meta;
  const shown = { width, height };
  const told = { width, height, format, edit, alt, v };
  const ofEdit = (faces: readonly FaceBox[]) => (edit ? facesOfEdited(faces, shown, edit) : faces);
  if (preset === undefined) return { ...told, faces: meta.faces && ofEdit(meta.faces) };
  const { recipe: resolved } = presets.resolve(preset, suffix, undefined, variables);
  if (resolved.output === 'original') return told;
  const recipe = focused(resolved, edit);
  const view = planView(shown, recipe, 1);
  const { plan, region, turn } = view;
  const found = facesFor(metadata.known(id).faces, lookDepthFor(plan, shown, view.shown, recipe.faceZoom));
  const faces = found && ofEdit(found);
  const inView = faces ? facesWithin({ ...view, trimmed: false }, shown, faces) : [];
  const framed = aims(recipe) ? windowToFaces(plan, inView, view.shown, recipe.faceZoom) : plan;
  const open = recipe.fit === 'cover' && seeksAttention(recipe) && inView.length === 0;
  const isOpen = recipe.trim !== undefined || open || recipe.gravity === 'entropy';
  const window = isOpen ? undefined : onOriginal(framed, region, turn, shown);
  const unit = (recipe.effects?.unit ?? unitOf(suffix)) * shortfall(plan, view.shown, requestOf(recipe));
  return { ...told, faces, window, unit };
}

const aims = ({ fit, gravity }: Recipe) => fit === 'cover' && (gravity === 'auto' || gravity === 'faces');

/** Of recipes without effects, which do not say it. */
function unitOf(suffix: string): number {
  const [, ratio = '1'] = /^@([\d.]+)x/.exec(suffix) ?? [];
  return Number(ratio);
}

/** The focus of an edit goes before faces and attention; as a point of the picture that the edit shows. */
function focused(recipe: Recipe, edit: Edit | undefined): Recipe {
  const { focus, crop = { x: 0, y: 0, width: 1, height: 1 } } = edit ?? {};
  if (!focus || !(seeksAttention(recipe) || recipe.gravity === 'entropy')) return recipe;
  const within = (at: number) => Math.min(1, Math.max(0, at));
  const x = within((focus.x - crop.x) / crop.width);
  return { ...recipe, gravity: { x, y: within((focus.y - crop.y) / crop.height) } };
}

/** The size of the original follows from what the edit shows of it, to a pixel or so: enough to draw a box. */
function facesOfEdited(faces: readonly FaceBox[], shown: Size, edit: Edit): FaceBox[] {
  const { width, height } = edit.crop ?? UNIT;
  const turned = { width: Math.round(shown.width / width), height: Math.round(shown.height / height) };
  const lies = edit.rotate === 90 || edit.rotate === 270;
  const original = lies ? { width: turned.height, height: turned.width } : turned;
  const view = viewOf(original, { edit });
  return view ? facesWithin({ ...view, plain: false, trimmed: false }, original, faces) : [...faces];
}

/** From pixels of the scaled part to fractions of the whole. */
function onOriginal(
  { scaled, window }: { readonly scaled: Size; readonly window: Box },
  region: Box,
  turn: Parameters<typeof inverse>[0],
  whole: Size,
): Box {
  const inPart = {
    ...{ left: window.left / scaled.width, top: window.top / scaled.height },
    ...{ width: window.width / scaled.width, height: window.height / scaled.height },
  };
  const { left, top, width, height } = turnedBox(inPart, UNIT, inverse(turn));
  return {
    left: (region.left + left * region.width) / whole.width,
    top: (region.top + top * region.height) / whole.height,
    width: (width * region.width) / whole.width,
    height: (height * region.height) / whole.height,
  };
}
