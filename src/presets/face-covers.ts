import { type Preset, PresetsError } from './schema.ts';

/** Of a server that looks for no faces. Throws a PresetsError that names the presets that would cover them. */
export function refuseFaceCovers(presets: Readonly<Record<string, Preset>>): void {
  const covering = Object.keys(presets).filter((name) => presets[name]?.redact?.faces);
  if (covering.length === 0) return;
  const which = covering.map((name) => `${name}.redact.faces`).join(', ');
  throw new PresetsError(`presets are not valid: ${which}: faces are not looked for here, see DARKROOM_FACES`);
}
