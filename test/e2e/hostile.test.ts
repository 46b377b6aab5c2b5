import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { startFaultyServer } from '../helpers/tcp-faults.ts';

const MB = 1024 * 1024;
const sample = (name: string) => readFileSync(new URL(`../../samples/${name}`, import.meta.url));
const svg = (href = '') =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"><rect width="50" height="50" fill="red"/>${href && `<image href="${href}" width="9" height="9"/>`}</svg>`,
  );

const originals = createMemoryStore();
let app: TestApp;
before(async () => {
  app = await startApp({ originals: originals.store, waiting: 200 });
});
after(() => app.dispose());

/** CPU of this process since then: unlike the time that passes, no other process makes it more. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return Math.round((user + system) / 1000);
}

let count = 0;
/** Serves bytes as a fresh original; names say nothing, so all are called .jpg. */
async function serve(body: Buffer, preset = 'thumb') {
  count += 1;
  const id = `hostile-${count}.jpg`;
  originals.objects.set(id, { body, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} });
  const answer = await rawGet(app.baseUrl, app.path(preset, id));
  originals.objects.delete(id);
  return { ...answer, code: answer.headers['x-error'] };
}

/** A PNG of one colour that is small on the wire and huge in memory. */
function bomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const content = Buffer.concat([Buffer.from(type), data]);
    const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    crc.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, crc]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.alloc(1 + width * 3);
  const pixels = deflateSync(Buffer.concat(Array(Math.min(height, 1200)).fill(row)), { level: 9 });
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('what is no picture of ours', () => {
  const isoBrand = (brand: string) =>
    Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftyp${brand}\0\0\0\0${brand}mif1`), Buffer.alloc(200)]);
  const cases: [what: string, body: Buffer | Promise<Buffer>][] = [
    ['an SVG', svg()],
    ['a PDF', Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj trailer<</Root 1 0 R>>\n%%EOF')],
    ['a HEIC by its brand', isoBrand('heic')],
    ['a JPEG XL codestream', Buffer.from([0xff, 0x0a, 0xfa, 0x7f, 0x01, 0x90, 0x08, 0x10])],
    ['a JPEG XL container', Buffer.from([0, 0, 0, 12, 0x4a, 0x58, 0x4c, 0x20, 13, 10, 0x87, 10])],
    ['a TIFF without pixels', Buffer.from('II*\0\x08\0\0\0\0\0\0\0\0\0', 'latin1')],
    ['a BMP', Buffer.concat([Buffer.from('BM'), Buffer.alloc(52), Buffer.alloc(300, 80)])],
    ['text', Buffer.from('hello '.repeat(100))],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>')],
    [
      'ImageMagick’s own language',
      Buffer.from(
        'push graphic-context\nviewbox 0 0 640 480\nimage over 0,0 0,0 "https://127.0.0.1/x.jpg"\npop graphic-context',
      ),
    ],
    ['a libvips file', Buffer.concat([Buffer.from([0xb6, 0xa6, 0xf2, 0x08]), Buffer.alloc(60)])],
    ['a Radiance file', Buffer.from('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0')],
    ['a PPM', Buffer.from('P6 1 1 255 abc')],
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('\xff', 'latin1')],
    ['zeroes', Buffer.alloc(10_000)],
    ['a JPEG’s first two bytes', Buffer.from([0xff, 0xd8])],
  ];
  for (const [what, body] of cases) {
    it(`${what}: 422, whatever it is called`, async () => {
      const { status, code, body: answer } = await serve(await body);
      assert.deepEqual([status, code], [422, 'original_unreadable']);
      assert.doesNotMatch(answer.toString(), /vips|sharp|Vips/);
    });
  }

  it('truncated pictures are 422, every format, every length: half a picture must not be cached for a year', async () => {
    for (const name of ['turned.jpg', 'chelsea.png', 'rocket.webp', 'spinner.gif']) {
      const file = sample(name);
      for (const share of [0.02, 0.1, 0.5, 0.9]) {
        const { status } = await serve(file.subarray(0, Math.floor(file.length * share)));
        // A GIF shows its first frame, which may be whole long before the file is.
        assert.ok(status === 422 || (name === 'spinner.gif' && status === 200), `${name} at ${share}: ${status}`);
      }
    }
    const avif = await sharp(sample('coffee.jpg')).avif({ effort: 0 }).toBuffer();
    assert.equal((await serve(avif.subarray(0, avif.length / 2))).status, 422);
  });

  it('an SVG reaches nothing, wrapped in whatever', async () => {
    const canary = await startFaultyServer((socket) => socket.end());
    for (const href of [canary.url, 'file:///etc/passwd', `${canary.url}x.png`]) {
      assert.equal((await serve(svg(href))).status, 422);
      assert.equal((await serve(Buffer.concat([Buffer.from('\ufeff'), svg(href)]))).status, 422);
    }
    assert.equal(canary.connections(), 0);
    await canary.dispose();
  });

  it('polyglots come out as pictures without their tail', async () => {
    const tail = '<script>alert("tail")</script>';
    for (const name of ['coffee.jpg', 'chelsea.png', 'rocket.webp']) {
      const { status, body, headers } = await serve(Buffer.concat([sample(name), Buffer.from(tail)]), 'retina');
      assert.equal(status, 200, name);
      assert.match(String(headers['content-type']), /^image\//);
      assert.ok(!body.includes('script'));
    }
  });
});

describe('bombs', () => {
  it('of pixels are refused from the header: at once and without memory', async () => {
    const png = bomb(12_000, 12_000);
    assert.ok(png.length < 500_000, `${png.length}`);
    await serve(bomb(10, 10));
    const before = process.memoryUsage().rss;
    const since = process.cpuUsage();
    const { status, code } = await serve(png);
    const took = cpuMs(since);
    assert.deepEqual([status, code], [413, 'original_too_large']);
    // Decoded, it would be 432 MB.
    assert.ok(took < 1000, `took ${took} ms of CPU`);
    assert.ok(process.memoryUsage().rss - before < 150 * MB);
  });

  it('that promise more pixels than they hold are 422', async () => {
    assert.equal((await serve(bomb(3000, 3000))).status, 422);
  });

  it('of frames give their first one alone, and an animation stays within its budget', async () => {
    const [a, b] = await Promise.all(
      ['#111', '#eee'].map((background) =>
        sharp({ create: { width: 500, height: 500, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const long = await sharp(
      Array.from({ length: 300 }, (_, n) => (n % 2 ? a : b) as Buffer),
      { join: { animated: true } },
    )
      .gif({ effort: 1 })
      .toBuffer();
    const since = process.cpuUsage();
    assert.deepEqual(
      [(await serve(long)).code, (await serve(long, 'w_100,a_1,f_webp')).code],
      [undefined, 'original_too_large'],
    );
    assert.ok(cpuMs(since) < 1000, `took ${cpuMs(since)} ms of CPU`);
    const allowed = await sharp(
      Array.from({ length: 200 }, (_, n) => (n % 2 ? a : b) as Buffer),
      { join: { animated: true } },
    )
      .gif({ effort: 1 })
      .toBuffer();
    const before = process.memoryUsage().rss;
    const moving = await serve(allowed, 'w_100,a_1,f_webp');
    assert.equal(moving.status, 200);
    const { pages, width } = await sharp(moving.body).metadata();
    assert.deepEqual([pages, width], [200, 100]);
    assert.ok(process.memoryUsage().rss - before < 500 * MB);
    assert.equal((await serve(allowed)).status, 200);
  });
});

describe('broken pictures', () => {
  const seeds = ['turned.jpg', 'cutout.png', 'rocket.webp', 'spinner.gif'].map(sample);
  const damage = fc.record({
    file: fc.nat(seeds.length),
    kind: fc.constantFrom('cut', 'flip', 'splice', 'zero'),
    // Headers hold most of what can go wrong.
    at: fc.oneof(
      fc.nat(400).map((at) => at / 1e6),
      fc.double({ min: 0, max: 1, noNaN: true }),
    ),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    other: fc.nat(seeds.length),
  });

  it('are answered by contract, kill nothing and leave no memory behind', async () => {
    const avif = await sharp(sample('coffee.jpg')).resize(200).avif({ effort: 0 }).toBuffer();
    const files = [...seeds, avif];
    const answers = new Map<string, number>();
    for (let n = 0; n < 20; n += 1) await serve(files[n % files.length] as Buffer);
    const before = process.memoryUsage().rss;
    await fc.assert(
      fc.asyncProperty(
        damage,
        fc.constantFrom('thumb', 'small.avif', 'og'),
        async ({ file, kind, at, bytes, other }, preset) => {
          const [original, donor] = [files[file] as Buffer, files[other] as Buffer];
          const place =
            at < 0.0005 ? Math.min(original.length - 1, Math.round(at * 1e6)) : Math.floor(at * (original.length - 1));
          const broken = Buffer.from(original);
          for (const [offset, byte] of kind === 'flip' ? bytes.entries() : []) {
            const target = (place + offset * 3) % broken.length;
            broken[target] = broken[target]! ^ byte;
          }
          if (kind === 'zero') broken.fill(0, place, Math.min(broken.length, place + bytes.length * 8));
          const body = {
            cut: original.subarray(0, place),
            splice: Buffer.concat([original.subarray(0, place), donor.subarray(place)]),
            flip: broken,
            zero: broken,
          }[kind];
          const { status, code, headers } = await serve(body, preset);
          assert.ok([200, 413, 422].includes(status), `${status} ${code}`);
          if (status === 200) assert.match(String(headers['content-type']), /^image\//);
          answers.set(`${status}`, (answers.get(`${status}`) ?? 0) + 1);
        },
      ),
      { numRuns: 1000 },
    );
    assert.ok((answers.get('422') ?? 0) > 100, 'the damage was no damage');
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting], [0, 0, 0]);
    // Caches of 128 MiB that fill, and what V8 and glibc keep for later.
    assert.ok(process.memoryUsage().rss - before < 250 * MB);
    assert.equal((await serve(sample('coffee.jpg'))).status, 200);
  });

  it('that are accepted give the same bytes each time', async () => {
    const file = sample('turned.jpg');
    for (let at = 1000; at < 60_000; at += 5003) {
      const flipped = Buffer.from(file);
      flipped[at] = flipped[at]! ^ 0x55;
      const [first, second] = [await serve(flipped), await serve(flipped)];
      assert.equal(first.status, second.status);
      if (first.status === 200) assert.ok(first.body.equals(second.body));
    }
  });
});

describe('the decoder', () => {
  it('is new enough and reads what we mean it to, nothing else', async () => {
    const [major = 0, minor = 0, patchLevel = 0] = (sharp.versions.sharp ?? '').split('.').map(Number);
    assert.ok(major > 0 || minor > 35 || (minor === 35 && patchLevel >= 5), sharp.versions.sharp);
    // The renderer has blocked the loaders for this whole process by now.
    await assert.rejects(sharp(svg()).metadata(), /unsupported|blocked/i);
  });
});
