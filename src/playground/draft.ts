import { isDeepStrictEqual } from 'node:util';
import { inlineText } from '../presets/inline-text.ts';
import type { KnownAssets } from '../presets/known-assets.ts';
import { refuseUnusable } from '../presets/presets.ts';
import { type Preset, PresetsError, presetSchema } from '../presets/schema.ts';

/** What is wrong with a preset: the field, as a path into it and empty for the whole, and a sentence. */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** How a preset that is being made is looked at. */
export interface Draft {
  /** The name of a preset that the server has, or a recipe; undefined where it must be saved first. */
  readonly preset: string | undefined;
  /** The recipe; undefined where none says the same pixels. */
  readonly inline: string | undefined;
  /** The same part of the original at the same size, without what is done to it: to compare with. */
  readonly before: string | undefined;
  /** Sentences on what a recipe cannot say. */
  readonly notes: readonly string[];
}

export interface DraftLimits {
  readonly definitions: Readonly<Record<string, Preset>>;
  /** Whether recipes may stand in URLs. */
  readonly inline: boolean;
  readonly renderTimeoutMs: number;
  readonly faces: boolean;
  readonly assets: KnownAssets;
}

/** What decides which part is shown, and the size. */
const GEOMETRY = [
  ...(['width', 'height', 'aspectRatio', 'fit', 'gravity', 'faceZoom', 'crop', 'trim', 'rotate', 'flip'] as const),
  ...(['enlarge', 'extend', 'padding', 'margin', 'background', 'page', 'gamut'] as const),
];
/** What a recipe need not say for the picture to be the same. */
const DECLARED = new Set<string>(['widths', 'pixelRatios', 'formats']);

/** The same bytes as those of a preset of these fields; `from`: a preset of the server, whose name is kept where nothing was changed. */
export function draftOf(fields: unknown, from: string | undefined, limits: DraftLimits): Draft | readonly Fault[] {
  const checked = presetSchema.safeParse(fields);
  if (!checked.success)
    return checked.error.issues.map(({ path, message }) => ({
      ...{ path: path.map(textOrNumber), message: path.length === 0 ? sentenceOf(message) : message },
    }));
  const preset = checked.data;
  const refused = refusalOf(preset, limits);
  if (refused) return [{ path: [], message: refused }];
  const own = from !== undefined && Object.hasOwn(limits.definitions, from) ? limits.definitions[from] : undefined;
  const { text, unsaid } = inlineText(preset);
  const changing = unsaid.filter((field) => !DECLARED.has(field) || (field === 'formats' && preset.format === 'auto'));
  const inline = changing.length === 0 ? text : undefined;
  const named = isDeepStrictEqual(own, preset) ? from : undefined;
  return {
    inline,
    preset: named ?? (limits.inline ? inline : undefined),
    before: limits.inline ? beforeOf(preset) : undefined,
    notes: notesOn(unsaid, text, named, limits),
  };
}

function notesOn(
  unsaid: readonly string[],
  text: string | undefined,
  named: string | undefined,
  { inline }: DraftLimits,
): string[] {
  if (named === undefined && !inline)
    return ['Recipes in URLs are off here (DARKROOM_INLINE_PRESETS): a changed preset is seen once it is deployed.'];
  if (text === undefined)
    return ['No recipe in a URL can say this, as it is too long: it is seen once it is deployed as a preset.'];
  if (unsaid.length === 0) return [];
  return [`A recipe in a URL cannot say ${unsaid.join(', ')}: deploy the preset for that.`];
}

/** A sentence; undefined where this server can serve it. */
function refusalOf(draft: Preset, limits: DraftLimits): string | undefined {
  try {
    refuseUnusable({ 'this one': draft }, limits);
    return undefined;
  } catch (error) {
    if (error instanceof PresetsError) return error.message.replace(/^p/, 'P');
    throw error;
  }
}

/** The schema's own sentences begin with a verb. */
const sentenceOf = (message: string) => (/^[a-z]/.test(message) ? `The preset ${message}.` : message);

function beforeOf(preset: Preset): string | undefined {
  if (preset.format === 'original') return undefined;
  const kept = Object.fromEntries(GEOMETRY.map((field) => [field, preset[field]]));
  const { success, data } = presetSchema.safeParse({ ...kept, format: 'webp', quality: 95 });
  return success ? inlineText(data).text : undefined;
}

const textOrNumber = (part: PropertyKey) => (typeof part === 'number' ? part : String(part));
