import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createPresets } from '../../src/presets/presets.ts';
import type { PresetDefinitions } from '../../src/presets/schema.ts';
import { estimateRender, expectedMs } from '../../src/render/cost-estimate.ts';
import { estimateEncode } from '../../src/render/encode-estimate.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { startServer } from '../helpers/server.ts';
import { svtAv1Skip } from '../helpers/svt-av1.ts';

const TIMEOUT_MS = 20_000;
const withPresets = (definitions: PresetDefinitions, renderTimeoutMs = TIMEOUT_MS) =>
  createPresets({ definitions, inline: true, faces: true, renderTimeoutMs });
/** One WebP of 600 × 600, so that only what a case adds is dear. */
type Definition = PresetDefinitions[string];
const plain: Definition = { width: 600, height: 600, format: 'webp', formats: [], pixelRatios: [1] };
const refusal = (preset: Definition, renderTimeoutMs?: number) => {
  try {
    withPresets({ card: preset }, renderTimeoutMs);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
};

describe('a preset that is encoded several times', () => {
  it('is refused where all encodes together take too long, and each counts', () => {
    const poster: Definition = { ...plain, width: 8000, height: 8000 };
    assert.equal(refusal(poster), undefined);
    assert.match(refusal({ ...poster, maxBytes: 100_000 }) ?? '', /WebP at effort 4 .* for 4 encodes of 16 megapixels/);
    assert.match(refusal({ ...poster, quality: 'auto' }, 10_000) ?? '', /for 3 encodes of 16 megapixels/);
    assert.equal(refusal({ ...plain, quality: 'auto', maxBytes: 100_000 }), undefined);
    assert.match(refusal({ ...poster, format: 'png', palette: 256 }) ?? '', /PNG at effort 0 takes some 0\.9 s/);
    assert.equal(refusal({ ...plain, format: 'png', palette: 16, maxBytes: 100_000 }), undefined);
  });

  it('costs admission more time and memory', () => {
    const recipeOf = (preset: Definition) => withPresets({ card: preset }).resolve('card', '', undefined).recipe;
    const size = { width: 2000, height: 2000 };
    const header = { format: 'jpeg', size, stored: size, frames: 1, hasAlpha: false, coding: 'jpeg' };
    const plainHeader = { ...header, turned: false, hasProfile: false, deep: false };
    const told = { ...plainHeader, delays: undefined, loop: undefined, exif: undefined };
    const [once, often] = [plain, { ...plain, maxBytes: 10_000 }].map((preset) =>
      estimateRender({ header: told }, recipeOf(preset)),
    );
    assert.ok(once && often && often.ms > once.ms * 2 && often.bytes > once.bytes);
    assert.ok(expectedMs(recipeOf({ ...plain, quality: 'auto' })) > expectedMs(recipeOf(plain)));
  });
});

describe('a preset with an effort of its own', () => {
  it('is refused with the figures where an encode would take over a quarter of the render timeout', () => {
    const message = refusal({ ...plain, format: 'avif', width: 1000, height: 1000, effort: 9 }) ?? '';
    assert.match(
      message,
      /^presets take too long to encode: card \(AVIF at effort 9 takes some 77 s of CPU a megapixel/,
    );
    assert.match(message, /so 77 s for 1 megapixels: expected at most 5 s, a quarter of DARKROOM_RENDER_TIMEOUT/);
    assert.match(refusal({ ...plain, format: 'avif', effort: 5, pixelRatios: [1, 1.5] }) ?? '', /at @1\.5x: expected/);
    assert.match(refusal({ ...plain, format: 'avif', effort: 5, widths: [800] }) ?? '', /at @800w: expected/);
  });

  it('is judged by its largest declared variant and its dearest declared format', () => {
    assert.equal(refusal({ ...plain, effort: 6 }), undefined);
    assert.match(refusal({ ...plain, effort: 6, formats: ['avif'] }) ?? '', /AVIF/);
    assert.equal(refusal({ ...plain, effort: 6, formats: ['png', 'jpeg'] }), undefined);
    // Above two megapixels AVIF is answered as WebP.
    assert.equal(refusal({ ...plain, effort: 6, formats: ['avif'], width: 2000, height: 2000 }), undefined);
    assert.match(refusal({ width: 600, effort: 4, formats: ['avif'] }) ?? '', /AVIF.*at @2x/);
    assert.match(refusal({ width: 1600, animated: true, effort: 9, formats: ['webp'], pixelRatios: [1] }) ?? '', /GIF/);
    assert.equal(refusal({ width: 1600, effort: 9, formats: ['webp'], pixelRatios: [1] }), undefined);
  });

  it('is judged by the render timeout that is set', () => {
    const preset: Definition = { ...plain, format: 'avif', effort: 3 };
    assert.equal(refusal(preset), undefined);
    assert.match(refusal(preset, 2000) ?? '', /at most 0\.5 s/);
    assert.equal(refusal({ ...preset, effort: 6 }, 60_000), undefined);
  });

  it('goes by SVT-AV1 where a background leaves nothing transparent', { skip: svtAv1Skip }, () => {
    const preset: Definition = { ...plain, format: 'avif', effort: 5 };
    assert.equal(refusal({ ...preset, width: 1000, height: 1000, background: '#ffffff' }), undefined);
    assert.match(refusal({ ...preset, width: 1000, height: 1000 }) ?? '', /10 s/);
    const background = '#ffffff';
    for (const more of [
      { background, keepCopyright: true },
      { background, gamut: 'p3' as const },
    ])
      assert.match(refusal({ ...preset, ...more, width: 1000, height: 1000 }) ?? '', /10 s/);
  });
});

describe('presets without an effort', () => {
  it('are taken whatever the timeout: their efforts were chosen for their speed', () => {
    withPresets(BUILT_IN_PRESETS, 200);
    assert.equal(refusal({ width: 4000, format: 'png' }, 200), undefined);
  });
});

describe('an inline recipe', () => {
  const presets = withPresets({});
  const isUnknown = (name: string, suffix = '', accept?: string) =>
    assert.throws(() => presets.resolve(name, suffix, accept), { code: 'unknown_preset' }, name + suffix);

  it('is not there where this variant of it would take too long', () => {
    isUnknown('w_1000,f_avif,e_9');
    isUnknown('w_300,f_webp,e_6', '@3x.avif');
    assert.equal(presets.resolve('w_300,f_webp,e_6', '', undefined).recipe.effort, 6);
    assert.equal(presets.resolve('w_300,f_webp,e_6', '@3x', undefined).recipe.width, 900);
    assert.equal(presets.resolve('w_64,f_avif,e_2', '', undefined).recipe.output, 'avif');
  });

  it('is there or not whatever Accept says', () => {
    for (const accept of ['image/avif', 'image/webp', undefined]) {
      isUnknown('w_1000,e_6', '', accept);
      assert.ok(presets.resolve('w_1000,e_2', '', accept));
    }
  });
});

describe('the estimate', () => {
  const { recipe } = withPresets({}).resolve('w_1000,f_avif', '', undefined);

  it('grows with the effort and with the size', () => {
    for (const output of ['avif', 'webp', 'png', 'jpeg', 'base'] as const)
      for (let effort = 1; effort <= 9; effort += 1) {
        const now = estimateEncode({ ...recipe, output }, effort);
        assert.ok(now.ms >= estimateEncode({ ...recipe, output }, effort - 1).ms, `${output} ${effort}`);
        assert.ok(now.ms > estimateEncode({ ...recipe, output, width: 500 }, effort).ms, `${output} ${effort}`);
      }
  });

  it('takes one side for a square, and no more than the largest picture that is made', () => {
    assert.equal(estimateEncode({ ...recipe, height: undefined }, 2).megapixels, 1);
    assert.equal(estimateEncode({ ...recipe, width: undefined, height: 500 }, 2).megapixels, 0.25);
    assert.equal(estimateEncode({ ...recipe, output: 'webp', width: 30_000 }, 2).megapixels, 16);
  });
});

describe('who reads presets', () => {
  let file: string;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-presets-'));
    file = join(folder, 'presets.json');
    await writeFile(file, JSON.stringify({ card: { width: 1000, format: 'avif', effort: 9 } }));
  });
  after(() => rm(folder, { recursive: true }));

  it('says it at the start, in a sentence', async () => {
    await assert.rejects(startServer({ DARKROOM_PRESETS: file }), (error: Error) => {
      assert.match(error.message, /Darkroom cannot start\.\npresets take too long to encode: card \(AVIF at effort 9/);
      assert.doesNotMatch(error.message, /\n +at /);
      return true;
    });
  });

  it('says it when they are checked', async () => {
    const cli = new URL('../../src/cli.ts', import.meta.url).pathname;
    const check = (env: Record<string, string>) =>
      new Promise<string>((resolve) =>
        execFile(process.execPath, [cli, 'presets', 'check', file], { env }, (error, stdout, stderr) =>
          resolve(`${error?.code ?? 0} ${stdout}${stderr}`),
        ),
      );
    assert.match(await check({}), /^1 darkroom: presets take too long to encode: card \(AVIF.*at most 5 s/);
    assert.match(await check({ DARKROOM_RENDER_TIMEOUT: '1h' }), /^0 /);
    assert.match(await check({ DARKROOM_RENDER_TIMEOUT: 'soon' }), /^1 .*DARKROOM_RENDER_TIMEOUT/);
  });
});
