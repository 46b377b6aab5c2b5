import { type DarkroomError, errors } from '../../errors.ts';
import type { LegacyTarget, LegacyUrls } from '../../legacy/legacy-urls.ts';
import { LegacyRefusal, quoted } from '../../legacy/scheme.ts';
import { faultOfInline } from '../../presets/inline.ts';
import type { Presets, Variant } from '../../presets/presets.ts';
import type { LegacyTrace } from '../../telemetry/request-context.ts';
import { checkedId, type ImageUrl } from '../../url/image-url.ts';

/** What an old URL comes to, in the terms of ours. */
export interface LegacyImage {
  readonly url: ImageUrl;
  readonly variant: Variant;
  readonly negotiated: boolean;
}

/** Letters of a field's name that stand in each of its forms. */
const STEM = 6;

interface Traces {
  preset?: string;
  id?: string;
  negotiated?: boolean;
  legacy?: LegacyTrace;
}

/** Codes that our own URLs are refused with before their signature is found right: then an old one may be meant. */
export const BEFORE_SIGNATURE = new Set(['bad_request', 'not_found', 'bad_signature']);

/**
 * An old URL as a variant of an original, by the same limits as one of ours. It has no rights of ours: no named preset (and so none
 * that is private), no original's own file, no variables, no name to be saved under. Undefined for a path that is no old URL.
 */
export function legacyImage(
  { legacy, presets }: { readonly legacy: LegacyUrls; readonly presets: Presets },
  path: string,
  accept: string | undefined,
  traces: Traces,
): LegacyImage | undefined {
  const candidate = legacy.candidate(path);
  if (!candidate) return undefined;
  const trace: LegacyTrace = { scheme: legacy.scheme };
  try {
    const target = candidate.read();
    if (!target) return undefined;
    traces.legacy = trace;
    const id = checkedId(target.id);
    Object.assign(traces, { preset: target.recipe, id, negotiated: target.negotiated });
    const url = { signature: '', preset: target.recipe, suffix: '', id, expiresAt: target.expiresAt };
    return { url, variant: variantOf(presets, target, accept), negotiated: target.negotiated };
  } catch (error) {
    if (!(error instanceof LegacyRefusal)) throw error;
    traces.legacy = trace;
    trace.refused = error.kind;
    trace.sentence = error.about === undefined ? error.message : `${error.message} (${quoted(error.about)})`;
    throw answerOf(error);
  }
}

function variantOf(presets: Presets, target: LegacyTarget, accept: string | undefined): Variant {
  const { recipe, negotiated, maxAge } = target;
  try {
    const variant = presets.resolveInline(recipe, negotiated ? accept : undefined);
    const { preset, suffix } = presets.knownAs(variant.recipe) ?? variant;
    return { ...variant, preset, suffix, ...(maxAge === undefined ? {} : { maxAge }) };
  } catch (error) {
    if ((error as DarkroomError).code !== 'unknown_preset') throw error;
    throw new LegacyRefusal('unknown_option', sentenceOf(recipe, target.said));
  }
}

/** Fields whose recipes are read well and refused all the same: an asset that is not there, or an encode that takes too long. */
const OTHERWISE = ['overlays', 'quality', 'qualities', 'maxBytes', 'redact', 'format'];

function sentenceOf(recipe: string, said: LegacyTarget['said']): string {
  const fault = faultOfInline(recipe);
  const reason =
    fault?.reason ?? 'the asset that it names is missing, no faces are looked for, or it takes too long to encode';
  const about = fault?.field === undefined ? reason.toLowerCase() : fault.field.toLowerCase();
  // A rule about several fields names them in its own words, such as "blurred" for blur.
  const meant = (field: string) =>
    fault ? about.includes(field.toLowerCase().slice(0, STEM)) : OTHERWISE.includes(field);
  const options = new Set([...said].flatMap(([field, text]) => (meant(field) ? [quoted(text)] : [])));
  const named = options.size === 0 ? 'What this URL asks for' : [...options].join(' beside ');
  return `${named} is not served here: ${reason}`;
}

function answerOf({ kind, message }: LegacyRefusal): DarkroomError {
  if (kind === 'malformed') return errors.badRequest(message);
  if (kind === 'unknown_option') return errors.optionNotFound(message);
  return kind === 'unknown_source' ? errors.sourceNotFound(message) : errors.badSignature(message);
}
