import { assetsIn } from './fields/overlays/overlays.ts';
import type { KnownAssets } from './known-assets.ts';
import { type Preset, PresetsError } from './schema.ts';

interface Named {
  readonly kind: 'image' | 'font';
  readonly name: string;
}

function namedBy({ overlays, fallback }: Preset): Named[] {
  return [...assetsIn(overlays), ...(fallback === undefined ? [] : [{ kind: 'image' as const, name: fallback }])];
}

export function namesAssets(presets: Readonly<Record<string, Preset>>): boolean {
  return Object.values(presets).some((preset) => namedBy(preset).length > 0);
}

/** Throws a PresetsError that names each asset that a preset names and that is not there. */
export function refuseMissingAssets(presets: Readonly<Record<string, Preset>>, assets: KnownAssets): void {
  const faults = Object.entries(presets).flatMap(([preset, fields]) =>
    namedBy(fields)
      .filter(({ kind, name }) => (kind === 'font' ? !assets.hasFont(name) : assets.image(name) === undefined))
      .map(({ kind, name }) => `${preset} names the ${kind} ${name}`),
  );
  if (faults.length > 0)
    throw new PresetsError(`presets name assets that do not lie in DARKROOM_ASSETS: ${faults.join('; ')}`);
}
