import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';

/** Bumped when other originals come out. */
const EDITION = 1;

type Make = (image: () => Sharp, width: number, height: number) => Promise<Buffer>;

const PASSES = { quality: 90, progressive: true } as const;

/** What makes a file dear to decode, by the name that it gets. */
const STILL: Readonly<Record<string, Make>> = {
  'plain.jpg': (image) => image().jpeg({ quality: 90 }).toBuffer(),
  'passes-turned.jpg': (image) => image().jpeg(PASSES).withMetadata({ orientation: 6 }).toBuffer(),
  'passes-444.jpg': (image) =>
    image()
      .jpeg({ ...PASSES, chromaSubsampling: '4:4:4' })
      .toBuffer(),
  'passes-444-turned.jpg': (image) =>
    image()
      .jpeg({ ...PASSES, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation: 8 })
      .toBuffer(),
  'avif.avif': (image) => image().avif({ quality: 50, effort: 0 }).toBuffer(),
  'plain.webp': (image) => image().webp({ quality: 80, effort: 0 }).toBuffer(),
  'lossless.webp': (image) => image().webp({ lossless: true, effort: 0 }).toBuffer(),
  'alpha.webp': (image) => image().ensureAlpha(0.5).webp({ quality: 80, effort: 0 }).toBuffer(),
  'interlaced.png': (image) => image().png({ compressionLevel: 3, progressive: true }).toBuffer(),
  'deep-interlaced.png': (image) =>
    image().toColourspace('rgb16').png({ compressionLevel: 3, progressive: true }).toBuffer(),
  'gif.gif': (image) => image().gif({ effort: 1 }).toBuffer(),
  'wide-turned.jpg': (image) => image().withMetadata({ orientation: 5 }).withIccProfile('p3').jpeg(PASSES).toBuffer(),
  // What does not compress costs encoders more too.
  'grain.jpg': (image, width, height) =>
    image()
      .composite([{ input: grain(width, height), raw: { width, height, channels: 4 } }])
      .jpeg(PASSES)
      .toBuffer(),
};
/** The default settings allow 200 frames and 60 megapixels in all frames together. */
const MOVING = { frames: 200, width: 600, height: 480 } as const;

/**
 * The originals that cost most of what the default settings allow: every format at its worst, at these megapixels, and two
 * animations. Made by code from one photo, kept in a folder for the next run. Returns the paths by name.
 */
export async function worstOriginals(photos: string, megapixels = [4, 12, 24, 48]): Promise<Record<string, string>> {
  const folder = join(tmpdir(), `darkroom-worst-originals-${EDITION}`);
  mkdirSync(folder, { recursive: true });
  const photo = readdirSync(photos).find((name) => /\.jpe?g$/i.test(name));
  if (!photo) throw new Error(`no JPEG in ${photos}`);
  const file = readFileSync(join(photos, photo));
  const paths: Record<string, string> = {};
  const keep = async (name: string, make: () => Promise<Buffer>) => {
    const path = join(folder, name);
    paths[name] = path;
    if (existsSync(path)) return;
    writeFileSync(`${path}.part`, await make());
    renameSync(`${path}.part`, path);
  };
  sharp.concurrency(2);
  for (const size of megapixels) {
    const width = Math.round(Math.sqrt((size * 1_000_000 * 4) / 3));
    const height = Math.floor((width * 3) / 4);
    let raw: Buffer | undefined;
    for (const [kind, make] of Object.entries(STILL)) {
      await keep(`${size}-${kind}`, async () => {
        raw ??= await sharp(file).rotate().resize(width, height, { fit: 'cover' }).removeAlpha().raw().toBuffer();
        const data = raw;
        return make(() => sharp(data, { raw: { width, height, channels: 3 } }), width, height);
      });
    }
  }
  const { frames, width, height } = MOVING;
  let strip: Buffer | undefined;
  const moving = async () => {
    strip ??= await filmStrip(file, frames, width, height);
    return sharp(strip, { raw: { width, height: height * frames, channels: 3, pageHeight: height } });
  };
  await keep('200-frames.gif', async () => (await moving()).gif({ effort: 1, delay: 50 }).toBuffer());
  await keep('200-frames.webp', async () => (await moving()).webp({ quality: 75, effort: 0, delay: 50 }).toBuffer());
  return paths;
}

/** Grey noise, half transparent; the same each time. */
function grain(width: number, height: number): Buffer {
  const noise = Buffer.alloc(width * height * 4, 128);
  let seed = 1;
  for (let at = 0; at < noise.length; at += 4) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    noise.fill(seed >>> 24, at, at + 3);
  }
  return noise;
}

/** The same photo, a little further to the right in each frame, so that no two frames are the same. */
async function filmStrip(file: Buffer, frames: number, width: number, height: number): Promise<Buffer> {
  const wide = await sharp(file)
    .rotate()
    .resize(width + frames, height, { fit: 'cover' })
    .removeAlpha()
    .raw()
    .toBuffer();
  const strip = Buffer.alloc(width * height * 3 * frames);
  for (let frame = 0; frame < frames; frame += 1) {
    for (let line = 0; line < height; line += 1) {
      const from = (line * (width + frames) + frame) * 3;
      wide.copy(strip, (frame * height + line) * width * 3, from, from + width * 3);
    }
  }
  return strip;
}
