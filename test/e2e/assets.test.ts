import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { patch, pixelsOf } from '../helpers/pictures.ts';
import { startServer } from '../helpers/server.ts';

let folder: string;
let settings: Record<string, string>;
const flat = (background: string, width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'darkroom-assets-'));
  for (const name of ['originals', 'assets']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'originals/a.png'), await flat('#0000ff', 200, 100));
  await writeFile(join(folder, 'assets/logo.png'), await flat('#ff0000'));
  const overlays = [
    { image: 'logo.png', position: 'north' },
    { text: '日 x', size: 40, position: 'center' },
  ];
  await writeFile(join(folder, 'presets.json'), JSON.stringify({ card: { width: 200, format: 'png', overlays } }));
  settings = {
    ...{ DARKROOM_ORIGINALS: `file:${folder}/originals`, DARKROOM_RESULTS: 'none', DARKROOM_FACES: 'off' },
    ...{ DARKROOM_ASSETS: `file:${folder}/assets`, DARKROOM_PRESETS: `${folder}/presets.json` },
  };
});
after(() => rm(folder, { recursive: true }));

describe('a server with assets', () => {
  it('draws them, with no font and no setting of the machine', async () => {
    const elsewhere = { FONTCONFIG_FILE: '/nowhere/fonts.conf', FONTCONFIG_PATH: '/nowhere' };
    const servers = [await startServer(settings), await startServer({ ...settings, ...elsewhere })];
    const bodies: Buffer[] = [];
    for (const server of servers) {
      const answer = await server.get(server.path('card', 'a.png'));
      assert.equal(answer.status, 200);
      bodies.push(Buffer.from(await answer.arrayBuffer()));
      assert.doesNotMatch(server.output(), /fontconfig/i);
      assert.equal(await server.stop(), 0);
    }
    const picture = await pixelsOf(bodies[0] as Buffer);
    assert.deepEqual(patch(picture, 100, 10), [255, 0, 0]);
    assert.ok(
      picture.data.some((value, at) => at % picture.channels === 1 && value > 200),
      'white letters',
    );
    assert.deepEqual(bodies[0], bodies[1]);
  });

  it('does not start where a preset names one that is missing', async () => {
    await writeFile(join(folder, 'bad.json'), JSON.stringify({ card: { width: 9, fallback: 'none.png' } }));
    const started = startServer({ ...settings, DARKROOM_PRESETS: `${folder}/bad.json` });
    await assert.rejects(started, /card names the image none\.png/);
    const without = startServer({ ...settings, DARKROOM_ASSETS: undefined });
    await assert.rejects(
      without,
      /presets name assets that do not lie in DARKROOM_ASSETS: card names the image logo\.png/,
    );
    const nowhere = startServer({ ...settings, DARKROOM_ASSETS: `file:${folder}/nowhere` });
    await assert.rejects(nowhere, /Darkroom cannot start/);
  });
});
