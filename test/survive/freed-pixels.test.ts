import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import { startApp } from '../helpers/app.ts';
import { fixedFinder } from '../helpers/faces.ts';
import { patch, pixelsOf } from '../helpers/pictures.ts';
import { recordProxies } from '../helpers/record-proxies.ts';

const PICTURES = 16;
const COPIES = 3;
const ACROSS = 4;
/** All at once: what is too large to be kept, what is kept as it is, and what is made of that. */
const PRESETS = [
  'w_1600,f_jpeg',
  'w_1200,f_webp',
  'w_1200,f_avif',
  // Looked at for faces first.
  'w_1500,h_1125,fit_cover,z_3,f_jpeg',
  'w_900,f_png',
  'w_600,f_webp',
  'w_300,h_300,fit_fill,f_webp',
  'w_150,f_jpeg',
];
/** Memory for two whole pictures, so that they push each other out. */
const DECODE_BYTES = 7_000_000;
/** A level of 256; of another picture some tile is off by 58 and more. */
const TOLERANCE = 12;

/** Colours of 16 tiles, like no other picture's. */
function tilesOf(n: number): Buffer {
  const tiles = Buffer.alloc(ACROSS * ACROSS * 3);
  let state = n + 1;
  for (let at = 0; at < tiles.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    tiles[at] = 40 + ((state >>> 24) & 3) * 58;
  }
  return tiles;
}

/** In the middle of each tile. */
async function colours(file: Buffer): Promise<number[]> {
  const picture = await pixelsOf(file);
  const middle = (tile: number, side: number) => Math.floor(((tile + 0.5) * side) / ACROSS);
  return Array.from({ length: ACROSS ** 2 }, (_, at) =>
    patch(picture, middle(at % ACROSS, picture.width), middle(Math.floor(at / ACROSS), picture.height)),
  ).flat();
}

const differs = (a: number[], b: number[] = []) =>
  a.some((value, at) => !(Math.abs(value - (b[at] ?? Number.NaN)) <= TOLERANCE));

describe('pixels that are freed by hand', () => {
  let folder: string;
  const expected: number[][] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-freed-'));
    for (let n = 0; n < PICTURES; n += 1) {
      const tiles = sharp(tilesOf(n), { raw: { width: ACROSS, height: ACROSS, channels: 3 } });
      // With soft edges, as in a photo: a drawing gets no proxy image.
      const soft = await tiles.resize(100, 75, { fit: 'fill', kernel: 'nearest' }).blur(1.5).png().toBuffer();
      // In passes, so that decoding it is dear enough for a proxy image.
      const file = await sharp(soft).resize(2000, 1500, { fit: 'fill' }).jpeg({ progressive: true }).toBuffer();
      expected.push(await colours(file));
      for (let copy = 0; copy < COPIES; copy += 1) await writeFile(join(folder, `${n}-${copy}`), file);
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('belong to pictures that can be told apart', () => {
    for (const [n, one] of expected.entries())
      for (const other of expected.slice(n + 1)) assert.ok(differs(one, other));
  });

  it('are never seen by those who are still at work, nor in the proxy images', async (context) => {
    const kept = join(folder, 'results');
    const proxies = recordProxies();
    const app = await startApp({
      originals: createFolderStore({ root: folder, timeoutMs: 20_000, metadataIn: 'sidecar' }),
      results: createFolderStore({ root: kept, timeoutMs: 20_000, metadataIn: 'trailer' }),
      ...{ slots: 4, waiting: 1000, waitTimeoutMs: 60_000, decodeBytes: DECODE_BYTES },
      ...{ wrapRenderer: proxies.record, finder: fixedFinder([]) },
    });
    context.after(() => app.dispose());
    const wrong: string[] = [];
    const ask = async (n: number, copy: number, preset: string) => {
      const answer = await app.get(app.path(preset, `${n}-${copy}`));
      assert.equal(answer.status, 200);
      const file = Buffer.from(await answer.arrayBuffer());
      if (differs(await colours(file), expected[n])) wrong.push(`${n} ${preset}`);
    };
    const family = async (n: number, copy: number) => {
      await Promise.all(PRESETS.map((preset) => ask(n, copy, preset)));
      // Of what may lie in memory by now, or be pushed out at this moment.
      await ask(n, copy, `w_${400 + copy},f_webp`);
    };
    const all = Array.from({ length: PICTURES * COPIES }, (_, at) => () => family(at % PICTURES, at % COPIES));
    const rest = all.values();
    const work = async () => {
      for (const next of rest) await next();
    };
    await Promise.all(Array.from({ length: 5 }, work));
    await proxies.done();
    assert.equal(await app.saves.drain(20_000), 0);

    let copies = 0;
    for (const entry of await readdir(kept, { recursive: true, withFileTypes: true })) {
      if (!/^working-.*\.jpg$/.test(entry.name)) continue;
      copies += 1;
      const [, n = ''] = /(\d+)-\d+$/.exec(entry.parentPath) ?? [];
      const copy = await colours(await readFile(join(entry.parentPath, entry.name)));
      if (differs(copy, expected[Number(n)])) wrong.push(`proxy image of ${n}`);
    }
    context.diagnostic(`${all.length * (PRESETS.length + 1)} pictures and ${copies} proxy images`);
    assert.deepEqual(wrong, []);
    assert.equal(copies, all.length);
  });
});
