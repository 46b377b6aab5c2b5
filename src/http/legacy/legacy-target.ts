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
  traces.legacy = trace;
  try {
    const target = candidate.read();
    const id = checkedId(target.id);
    Object.assign(traces, { preset: target.recipe, id, negotiated: target.negotiated });
    const url = { signature: '', preset: target.recipe, suffix: '', id, expiresAt: target.expiresAt };
    return { url, variant: variantOf(presets, target, accept), negotiated: target.negotiated };
  } catch (error) {
    if (!(error instanceof LegacyRefusal)) throw error;
    trace.refused = error.kind;
    trace.sentence = error.message;
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
    const { field, reason } = faultOfInline(recipe);
    const option = field === undefined ? undefined : target.said.get(field);
    const named = option === undefined ? 'What this URL asks for' : quoted(option);
    throw new LegacyRefusal('unknown_option', `${named} is not served here: ${reason}`);
  }
}

function answerOf({ kind, message }: LegacyRefusal): DarkroomError {
  if (kind === 'malformed') return errors.badRequest(message);
  if (kind === 'unknown_option') return errors.optionNotFound(message);
  return kind === 'unknown_source' ? errors.sourceNotFound(message) : errors.badSignature(message);
}
