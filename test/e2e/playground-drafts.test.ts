import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startServer, type TestServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const TOKEN = 'the-token-of-this-test-0123456789abcdef';

let server: TestServer;
before(async () => {
  server = await startServer({ DARKROOM_PLAYGROUND: 'on', DARKROOM_API_TOKEN: TOKEN });
  await mkdir(join(server.folder, 'data/originals'), { recursive: true });
  await copyFile(join(ROOT, 'samples/coffee.jpg'), join(server.folder, 'data/originals/coffee.jpg'));
  await copyFile(join(ROOT, 'samples/astronaut.jpg'), join(server.folder, 'data/originals/astronaut.jpg'));
});
after(() => server.dispose());

interface Answer {
  readonly faults?: { readonly path: unknown[]; readonly message: string }[];
  readonly notes?: string[];
  readonly preset?: string;
  readonly inline?: string;
  readonly url?: string;
  readonly markup?: string;
  readonly before?: string;
  readonly message?: string;
  readonly window?: Record<'left' | 'top' | 'width' | 'height', number>;
  readonly faces?: Record<'left' | 'top' | 'width' | 'height', number>[];
  readonly unit?: number;
}

async function ask(path: string, body: object, on = server): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const answer = await on.get(`/playground/api/${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ id: 'coffee.jpg', ...body }),
  });
  return (await answer.json()) as Answer;
}
const draft = (fields: object, more: object = {}, on = server) => ask('draft', { fields, ...more }, on);

describe('a preset that is being made', () => {
  it('is a recipe, with what it is compared to, and its markup by the size of the original', async () => {
    const {
      inline,
      preset,
      url = '',
      before = '',
      notes,
      markup,
    } = await draft(
      { width: 300, height: 300, fit: 'cover', gravity: { x: 0.25, y: 0.5 }, sepia: 0.5, radius: 'circle' },
      { pixelRatio: 2 },
    );
    assert.equal(inline, 'w_300,h_300,fit_cover,g_0p25:0p5,sepia_0p5,radius_circle');
    assert.deepEqual([preset, notes], [inline, []]);
    assert.ok(
      url.includes(`/${inline}@2x/`) && before.includes('/w_300,h_300,fit_cover,f_webp,q_95,g_0p25:0p5@2x/'),
      before,
    );
    for (const each of [url, before]) assert.equal((await fetch(each)).status, 200);
    assert.match(markup ?? '', /width="300" height="300"/);
    // The original has 400 pixels down: 1.333 times 300, and no more.
    assert.match(markup ?? '', / 1\.333x"/);
  });

  it('keeps the name of a preset that it does not change', async () => {
    const same = { width: 300, height: 300, fit: 'inside', format: 'webp' };
    assert.equal((await draft(same, { from: 'small' })).preset, 'small');
    assert.equal((await draft({ ...same, quality: 79 }, { from: 'small' })).preset, 'w_300,h_300,f_webp,q_79');
    for (const from of ['nope', '__proto__', 'constructor'])
      assert.equal((await draft(same, { from })).preset, 'w_300,h_300,f_webp', from);
  });

  it('is answered with a sentence for each of its faults, and signs nothing then', async () => {
    for (const [fields, path, message] of [
      [{}, [], /^The preset needs a width, a height or both\.$/],
      [{ width: 0 }, ['width'], />=1/],
      [{ width: 9, colour: 'red' }, [], /colour/],
      [{ width: 9, gravity: { x: 0.5, y: 0.5 } }, [], /focal point, which needs the fit cover/],
      [{ width: 9, overlays: [{ text: 'a' }, { text: 'a{' }] }, ['overlays', 1, 'text'], /brace/],
      [
        { width: 9, overlays: [{ image: 'nope.png' }] },
        [],
        /^Presets name assets that do not lie in DARKROOM_ASSETS: this one names the image nope\.png$/,
      ],
      [
        { width: 8192, height: 8192, format: 'avif', effort: 9, lossless: true },
        [],
        /^Presets take too long to encode: this one \(WebP/,
      ],
    ] as const) {
      const { faults, url } = await draft(fields);
      assert.match(faults?.[0]?.message ?? '', message);
      assert.deepEqual([faults?.[0]?.path, url], [path, undefined]);
    }
  });

  it('says what a recipe cannot', async () => {
    const declared = await draft({ width: 300, format: 'webp', widths: [300], pixelRatios: [1] });
    assert.deepEqual(declared.notes, ['A recipe in a URL cannot say widths, pixelRatios: deploy the preset for that.']);
    assert.equal(declared.inline, 'w_300,f_webp');
    const spaces = await draft({ width: 300, overlays: [{ text: 'a  b' }] });
    assert.deepEqual([spaces.url, spaces.inline], [undefined, undefined]);
    assert.match(spaces.notes?.[0] ?? '', /cannot say overlays/);
    const long = await draft({ width: 300, overlays: Array.from({ length: 4 }, () => ({ text: 'W'.repeat(200) })) });
    assert.match(long.notes?.[0] ?? '', /too long/);
    assert.equal(long.url, undefined);
  });

  it('is not signed where recipes are off, under no name either', async () => {
    const strict = await startServer({ DARKROOM_PLAYGROUND: 'on', DARKROOM_INLINE_PRESETS: 'off' });
    const named = { width: 300, height: 300, format: 'webp' };
    assert.equal((await draft(named, { from: 'small' }, strict)).preset, 'small');
    const changed = await draft({ ...named, quality: 79 }, { from: 'small' }, strict);
    assert.match(changed.notes?.[0] ?? '', /DARKROOM_INLINE_PRESETS/);
    assert.deepEqual([changed.url, changed.before, changed.preset], [undefined, undefined, undefined]);
    await strict.dispose();
  });

  it('is drawn over its original: the part that is shown, turned, cropped and edited', async () => {
    const near = (box: Answer['window'], [left, top, width, height]: number[], what: string) => {
      const all = [box?.left, box?.top, box?.width, box?.height];
      for (const [index, side] of [left, top, width, height].entries())
        assert.ok(Math.abs((all[index] ?? -9) - (side ?? 0)) < 0.01, `${what}: ${all}`);
    };
    for (const [preset, expected] of [
      ['w_200,h_200,fit_cover,g_west', [0, 0, 2 / 3, 1]],
      ['w_200,h_200,fit_cover,g_west,flip_h', [1 / 3, 0, 2 / 3, 1]],
      ['w_200,h_100,fit_cover,g_north,rot_90', [0, 0, 1 / 3, 1]],
      ['w_200,crop_50pc:0:50pc:50pc', [0.5, 0, 0.5, 0.5]],
      ['w_200,h_200,fit_cover,g_1:1', [1 / 3, 0, 2 / 3, 1]],
      ['w_200,h_200,fit_contain', [0, 0, 1, 1]],
    ] as const)
      near((await ask('details', { preset })).window, [...expected], preset);
    assert.equal((await ask('details', { preset: 'w_200,h_200,fit_cover,g_entropy' })).window, undefined);
    assert.equal((await ask('details', { preset: 'w_1200,h_630,fit_cover,g_north' })).unit, 0.5);

    const face = { id: 'astronaut.jpg', preset: 'w_200,h_100,fit_cover' };
    await fetch((await ask('sign', face)).url ?? '');
    const { faces: [upright] = [] } = await untilAnswer(
      () => ask('details', face),
      ({ faces }) => faces !== undefined,
    );
    assert.ok(upright);
    const edited = await server.get('/v1/images/astronaut.jpg', {
      ...{ method: 'PATCH', body: JSON.stringify({ rotate: 90, crop: { x: 0.5, y: 0, width: 0.5, height: 1 } }) },
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
    assert.equal(edited.status, 200);
    const { faces: [turned] = [], window } = await ask('details', face);
    assert.ok(turned && window);
    near(
      turned,
      [2 * (1 - upright.top - upright.height) - 1, upright.left, 2 * upright.height, upright.width],
      'the face',
    );
  });
});
