import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { link, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import { startApp, type TestApp } from '../helpers/app.ts';

const PICTURES = 12;
const COPIES = 8;
const PRESETS = ['thumb', 'medium', 'w_900,f_jpeg', 'w_200,h_300,fit_cover,f_webp', 'w_300,f_avif'];
const digest = (body: ArrayBuffer) => createHash('sha256').update(new Uint8Array(body)).digest('hex');

/** Of sizes that share their memory, each unlike the others in every part. */
async function picture(n: number): Promise<Buffer> {
  const [width, height] = [900 + (n % 3) * 40, 700];
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0, state = n + 1; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    pixels[at] = (at * (n + 1)) / 3000 + (state >>> 27);
  }
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  return n % 4 === 3 ? image.png().toBuffer() : image.jpeg({ quality: 98 }).toBuffer();
}

describe('originals in memory that others have used', () => {
  let folder: string;
  const expected = new Map<string, string>();
  const start = (): Promise<TestApp> =>
    startApp({
      ...{
        originals: createFolderStore({ root: folder, timeoutMs: 20_000, metadataIn: 'sidecar' }),
        slots: 4,
        waiting: 1000,
      },
      ...{ waitTimeoutMs: 60_000, decodeBytes: 1 },
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-reused-'));
    const files = await Promise.all(Array.from({ length: PICTURES }, (_, n) => picture(n)));
    for (const [n, file] of files.entries()) {
      assert.ok(file.length > 200_000, `${file.length}`);
      await writeFile(join(folder, `${n}`), file);
      // Under a name for each rendition, so that none is made of what another one decoded.
      for (const preset of PRESETS.keys())
        for (let copy = 0; copy < COPIES; copy += 1)
          await link(join(folder, `${n}`), join(folder, `${n}-${preset}-${copy}`));
      // What stops in the middle, and what is none.
      await writeFile(join(folder, `cut-${n}`), file.subarray(0, file.length / 2));
      await writeFile(join(folder, `none-${n}`), Buffer.alloc(file.length, n + 1));
    }
    // One at a time, each in a process that has read nothing else: nothing can be mixed up.
    for (let n = 0; n < PICTURES; n += 1) {
      const app = await start();
      for (const preset of PRESETS) {
        const answer = await app.get(app.path(preset, `${n}-${PRESETS.indexOf(preset)}-0`));
        assert.equal(answer.status, 200);
        expected.set(`${n} ${preset}`, digest(await answer.arrayBuffer()));
      }
      await app.dispose();
    }
    assert.equal(new Set(expected.values()).size, PICTURES * PRESETS.length);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('give each request its own picture, among broken ones and clients that leave', async (context) => {
    const app = await start();
    context.after(() => app.dispose());
    let wrong = 0;
    let answered = 0;
    const requests: (() => Promise<void>)[] = [];
    for (let copy = 0; copy < COPIES; copy += 1) {
      for (let n = 0; n < PICTURES; n += 1) {
        for (const [place, preset] of PRESETS.entries()) {
          requests.push(async () => {
            const answer = await app.get(app.path(preset, `${n}-${place}-${copy}`));
            if (answer.status !== 200 || digest(await answer.arrayBuffer()) !== expected.get(`${n} ${preset}`))
              wrong += 1;
            answered += 1;
          });
        }
        requests.push(async () => {
          const answer = await app.get(app.path(`w_${100 + copy},f_webp`, `${copy % 2 ? 'cut' : 'none'}-${n}`));
          assert.equal(answer.status, 422);
          await answer.arrayBuffer();
        });
        requests.push(async () => {
          const signal = AbortSignal.timeout(5 + ((n * 7 + copy * 3) % 40));
          await app.get(app.path(`w_${300 + copy},f_webp`, `${n}`), { signal }).then(
            (answer) => answer.arrayBuffer(),
            () => {},
          );
        });
      }
    }
    const rest = requests.values();
    const work = async () => {
      for (const request of rest) await request();
    };
    await Promise.all(Array.from({ length: 16 }, work));
    context.diagnostic(`${answered} pictures, of another: ${wrong}`);
    assert.equal(answered, PICTURES * COPIES * PRESETS.length);
    assert.equal(wrong, 0);
  });
});
