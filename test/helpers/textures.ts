import sharp from 'sharp';

/** Waves of all lengths and a little noise, so that each step of quality shows; the same at each run. */
export function texture(width: number, height: number, channels: 3 | 4 = 3) {
  const data = Buffer.alloc(width * height * channels);
  let seed = 7;
  for (let at = 0, pixel = 0; at < data.length; at += channels, pixel += 1) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    const noise = (seed >> 16) % 24;
    data[at] = 110 + 60 * Math.sin((x * x) / 900) + noise;
    data[at + 1] = 110 + 60 * Math.cos((y * x) / 1500) + noise;
    data[at + 2] = 90 + 60 * Math.sin((y * y) / 700) + noise;
    if (channels === 4) data[at + 3] = x < width / 4 ? 0 : Math.min(255, 100 + y);
  }
  return sharp(data, { raw: { width, height, channels } });
}

/** Three frames of it as a WebP, each shown for another time. */
export async function movingTexture(): Promise<Buffer> {
  const frames = await Promise.all(
    [0, 40, 80].map((left) => texture(160, 60).extract({ left, top: 0, width: 80, height: 60 }).raw().toBuffer()),
  );
  return sharp(Buffer.concat(frames), { raw: { width: 80, height: 180, channels: 3, pageHeight: 60 } })
    .webp({ lossless: true, delay: [50, 60, 70] })
    .toBuffer();
}
