import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createAlphaStreams } from '../../../src/render/formats/alpha-stream.ts';
import { chunksOf, withAlpha } from '../../../src/render/formats/encoding/webp-file.ts';
import { hasSvtAv1 } from '../../../src/render/formats/svt-av1.ts';
import type { Alpha, Size } from '../../../src/render/pixels.ts';
import type { Recipe } from '../../../src/render/recipe.ts';
import { createRenderer } from '../../../src/render/render.ts';
import { createStepTimer } from '../../../src/telemetry/step-timer.ts';
import { PLAIN, pixelsOf } from '../../helpers/pictures.ts';

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 60 };
const coffee = readFileSync(new URL('../../../samples/coffee.jpg', import.meta.url));
const turned = readFileSync(new URL('../../../samples/turned.jpg', import.meta.url));

/** Levels, and how often they were asked for. */
function counted(levels: Buffer, key: string): Alpha & { asked: number } {
  const alpha = {
    key,
    asked: 0,
    levels() {
      alpha.asked += 1;
      return levels;
    },
  };
  return alpha;
}

const disc = ({ width, height }: Size) =>
  Buffer.from(
    Array.from({ length: width * height }, (_, at) => {
      const off = Math.hypot((at % width) - width / 2, Math.floor(at / width) - height / 2);
      return Math.max(0, Math.min(255, Math.round(255 * (Math.min(width, height) / 2 - off))));
    }),
  );
const noise = ({ width, height }: Size) =>
  Buffer.from(Array.from({ length: width * height }, (_, at) => (at * 7919 + at * at) % 256));

describe('the alpha of a WebP beside its picture', () => {
  it('is exact in all sizes, and the picture is as it was', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 300],
      [17, 5],
      [301, 200],
      [640, 427],
    ] as const)
      for (const levels of [disc({ width, height }), noise({ width, height }), Buffer.alloc(width * height, 9)]) {
        const raw = { width, height } as const;
        const opaque = await sharp(noise({ width: 3 * width, height }), { raw: { ...raw, channels: 3 } })
          .webp({ quality: 60 })
          .toBuffer();
        const alpha = { levels: () => levels, key: '' };
        const file = withAlpha(opaque, await createAlphaStreams().of(sharp, 'webp', alpha, raw), raw);
        assert.equal(file.length, 8 + file.readUInt32LE(4), 'the size that the file says');
        const [{ data }, before] = [await pixelsOf(file), await pixelsOf(opaque)];
        const own = (channel: number) => data.filter((_, at) => at % 4 === channel);
        assert.deepEqual(Buffer.from(own(3)), levels, `${width} × ${height}`);
        for (const channel of [0, 1, 2])
          assert.ok(Buffer.from(own(channel)).equals(before.data.filter((_, at) => at % 3 === channel)));
      }
  });

  it('is coded once for each shape and format, and the oldest of too many are forgotten', async () => {
    const [streams, size] = [createAlphaStreams(), { width: 16, height: 16 }];
    const alpha = counted(disc(size), 'disc');
    const first = await streams.of(sharp, 'webp', alpha, size);
    assert.deepEqual([await streams.of(sharp, 'webp', alpha, size), alpha.asked], [first, 1]);
    await streams.of(sharp, 'avif', alpha, size);
    assert.equal(alpha.asked, 2);
    for (let key = 0; key < 200; key += 1) await streams.of(sharp, 'webp', counted(disc(size), `${key}`), size);
    assert.deepEqual(await streams.of(sharp, 'webp', alpha, size), first);
    assert.equal(alpha.asked, 3);
  });
});

describe('a picture of which a shape was cut out', () => {
  const fresh = () => createRenderer(LIMITS);
  async function make(renderer: ReturnType<typeof fresh>, original: Buffer, fields: Partial<Recipe>): Promise<Buffer> {
    const recipe: Recipe = {
      ...PLAIN,
      quality: 80,
      width: 420,
      effects: { unit: 1, shape: { radius: 30 } },
      ...fields,
    };
    return (await renderer.render(await renderer.examine(original), recipe, createStepTimer(), async () => [])).body;
  }
  const chunk = (webp: Buffer, wanted: string) => {
    const found = [...chunksOf(webp)].find(({ type }) => type === wanted);
    return found && webp.subarray(found.start, found.end);
  };
  const alphas = async (file: Buffer) => {
    const { data, channels } = await pixelsOf(file);
    assert.equal(channels, 4);
    return Buffer.from(data.filter((_, at) => at % 4 === 3));
  };

  it('is the same file whether or not its alpha was kept', async () => {
    const used = fresh();
    for (const output of ['webp', 'avif'] as const) {
      const size = { width: 400, height: 300, fit: 'cover' } as const;
      const others = await make(used, turned, { ...size, output });
      const own = await make(used, coffee, { ...size, output });
      assert.deepEqual(own, await make(fresh(), coffee, { ...size, output }));
      if (output === 'webp') assert.deepEqual(chunk(own, 'ALPH'), chunk(others, 'ALPH'));
      assert.ok(!own.equals(others));
    }
  });

  it('has just the corners cut off, as in a PNG, and with a border too', async () => {
    for (const border of [undefined, { width: 5, color: '#ff0000' }])
      for (const radius of [30, 'circle'] as const) {
        const effects = { unit: 1, shape: { radius, ...(border ? { border } : {}) } };
        const exact = await alphas(await make(fresh(), coffee, { output: 'png', effects }));
        assert.deepEqual(await alphas(await make(fresh(), coffee, { output: 'webp', effects })), exact);
        const off = (await alphas(await make(fresh(), coffee, { output: 'avif', effects }))).map((level, at) =>
          Math.abs(level - exact[at]!),
        );
        // libaom's, of an edge.
        assert.ok(Math.max(...new Set(off)) <= (hasSvtAv1 ? 2 : 41));
      }
  });

  it('keeps what is drawn over its corners, and what was transparent before', async () => {
    const renderer = fresh();
    // The same shape first.
    const cut = await alphas(await make(renderer, coffee, { output: 'webp' }));
    const text = { text: '████████████████', font: '', fonts: '', size: 60, color: '#ff0000' };
    const laid = { position: 'northwest', offset: { x: 0, y: 0 }, opacity: 1, rotate: 0, blend: 'over' } as const;
    const overlay = [{ ...text, ...laid }];
    const drawn = await make(renderer, coffee, {
      output: 'webp',
      effects: { unit: 1, shape: { radius: 30 }, overlay },
    });
    assert.ok((await alphas(drawn)).some((level, at) => level === 255 && cut[at] === 0));
    const half = await sharp({ create: { width: 500, height: 333, channels: 4, background: '#30a06080' } })
      .png()
      .toBuffer();
    const levels = await alphas(await make(renderer, half, { output: 'webp', lossless: false }));
    assert.deepEqual([levels[0], levels[Math.floor(levels.length / 2)]], [0, 128]);
  });
});
