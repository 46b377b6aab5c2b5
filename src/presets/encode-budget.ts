import { type EncodeEstimate, estimateEncode } from '../render/encode-estimate.ts';
import { type Preset, PresetsError } from './schema.ts';
import { outputsOf, recipeOf, type Suffix, sizeOf } from './variants.ts';

/**
 * A running encode cannot be stopped, and one that outlives the render timeout by far ends the process. So a preset with an
 * effort of its own may take this share of the timeout, by estimate; the default efforts were chosen for their speed.
 */
const SHARE_OF_TIMEOUT = 1 / 4;

/** Throws a PresetsError with the figures for each preset of which a declared variant would take too long to encode. */
export function refuseDearPresets(presets: Readonly<Record<string, Preset>>, renderTimeoutMs: number): void {
  const faults = Object.entries(presets).flatMap(([name, preset]) => {
    const dearest = dearestOf(suffixesOf(preset).flatMap((suffix) => estimatesOf(preset, suffix)));
    const fits = dearest === undefined || dearest.ms <= SHARE_OF_TIMEOUT * renderTimeoutMs;
    return fits ? [] : [`${name} ${faultOf(dearest, renderTimeoutMs)}`];
  });
  if (faults.length > 0) throw new PresetsError(`presets take too long to encode: ${faults.join('; ')}`);
}

/** Whether every encode that one suffix may lead to, whatever Accept says, is within the budget. */
export function fitsEncodeBudget(preset: Preset, suffix: Suffix, renderTimeoutMs: number): boolean {
  return estimatesOf(preset, suffix).every(({ ms }) => ms <= SHARE_OF_TIMEOUT * renderTimeoutMs);
}

interface Estimate extends EncodeEstimate {
  readonly size: string;
}

function estimatesOf(preset: Preset, suffix: Suffix): Estimate[] {
  const { effort, lossless, quality, maxBytes, palette } = preset;
  const size = sizeOf(preset, suffix);
  // Without loss, in several tries and with a palette the default efforts are dear too.
  const tried = quality === 'auto' || maxBytes !== undefined || palette !== undefined;
  const dear = effort !== undefined || lossless === true || tried;
  if (!size) return [];
  const outputs = outputsOf(preset, size, suffix.format) ?? [];
  // JPEG XL takes two to five times the CPU of the others.
  return outputs
    .filter((output) => dear || output === 'jxl')
    .map((output) => ({
      ...estimateEncode(recipeOf(preset, size, output, true), effort),
      size: size.suffix,
    }));
}

/** Every suffix that the preset declares. */
function suffixesOf({ format, formats, widths, pixelRatios }: Preset): Suffix[] {
  const ratios = [undefined, ...pixelRatios].map((ratio) => ({ ratio, width: undefined }));
  const sizes = [...ratios, ...widths.map((width) => ({ ratio: undefined, width }))];
  const pinned = [undefined, ...formats, ...(format === 'auto' ? [] : [format])];
  return sizes.flatMap((size) => pinned.map((each) => ({ ...size, format: each })));
}

function dearestOf(estimates: readonly Estimate[]): Estimate | undefined {
  return estimates.toSorted((a, b) => b.ms - a.ms)[0];
}

function faultOf(
  { format, effort, msPerMegapixel, megapixels, encodes, size, ms }: Estimate,
  renderTimeoutMs: number,
): string {
  const seconds = (milliseconds: number) => `${Number((milliseconds / 1000).toPrecision(2))} s`;
  const at = size === '' ? '' : ` at ${size}`;
  return (
    `(${format} at effort ${effort} takes some ${seconds(msPerMegapixel)} of CPU a megapixel, so ${seconds(ms)} for ` +
    `${encodes === 1 ? '' : `${encodes} encodes of `}${Number(megapixels.toPrecision(2))} megapixels${at}: expected at most ${seconds(SHARE_OF_TIMEOUT * renderTimeoutMs)}, ` +
    `a quarter of DARKROOM_RENDER_TIMEOUT, by a lower effort, fewer or smaller sizes, or formats without ${format})`
  );
}
