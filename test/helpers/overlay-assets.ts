import { createHash } from 'node:crypto';
import type { Decoders } from '../../src/decoders/decoders.ts';
import { type KnownAssets, NO_ASSETS } from '../../src/presets/known-assets.ts';
import { createPresets } from '../../src/presets/presets.ts';
import type { OverlayAssets } from '../../src/render/effects/overlay/assets.ts';
import { shippedFont } from '../../src/render/effects/overlay/fonts.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 };

/** Presets and a renderer with these images as assets. */
export function withImages(images: Readonly<Record<string, Buffer>> = {}, decoders?: Decoders) {
  const digestOf = (body: Buffer) => createHash('sha256').update(body).digest('hex');
  const known: KnownAssets = { ...NO_ASSETS, image: (name) => images[name] && digestOf(images[name]) };
  const assets: OverlayAssets = {
    image: (digest) => Object.values(images).find((body) => digestOf(body) === digest),
    fonts: [shippedFont()],
  };
  const renderer = createRenderer(LIMITS, decoders, assets);
  const presetsOf = (definitions: unknown) => createPresets({ definitions, inline: true, faces: false, assets: known });
  /** A preset of 100 pixels as PNG but for what is said. */
  const resolve = (preset: object, suffix = '', variables?: Record<string, string>) =>
    presetsOf({ card: { width: 100, format: 'png', ...preset } }).resolve('card', suffix, undefined, variables);
  async function render(original: Buffer, preset: object, suffix = '', variables?: Record<string, string>) {
    const { recipe } = resolve(preset, suffix, variables);
    return renderer.render(await renderer.examine(original), recipe, createStepTimer(), async () => []);
  }
  return { presetsOf, resolve, render, renderer };
}
