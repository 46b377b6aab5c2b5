/** Of the longer side, which browsers stretch smoothly: more would show nothing more. */
const SIDE_PX = 10;
const HEADER_BYTES = 54;

/**
 * A ThumbHash (https://evanw.github.io/thumbhash/) as the data URL of a picture of 10 pixels, some 500 characters. A BMP: it has no
 * checksums and needs no compressor. Undefined for text that is no hash, and for pictures with transparency, under which nothing
 * may lie.
 */
export function thumbHashUrl(hash: string): `data:${string}` | undefined {
  const bytes = bytesOf(hash);
  const at = (index: number) => bytes[index] ?? 0;
  const isTransparent = at(2) > 127;
  if (bytes.length < 6 || isTransparent) return undefined;
  const head = at(0) | (at(1) << 8) | (at(2) << 16);
  const next = at(3) | (at(4) << 8);
  const [nx, ny] = next >> 15 ? [7, next & 7] : [next & 7, 7];

  let nibble = 10;
  // Terms of a cosine transform, from which one value of one channel is summed.
  const channel = (across: number, down: number, constant: number, scale: number) => {
    const terms: [x: number, y: number, factor: number][] = [];
    for (let y = 0; y < down; y += 1)
      for (let x = y ? 0 : 1; x * down < across * (down - y); x += 1, nibble += 1)
        terms.push([x, y, (((at(nibble >> 1) >> ((nibble & 1) * 4)) & 15) / 7.5 - 1) * scale * 2]);
    return (px: number, py: number) =>
      terms.reduce((sum, [x, y, factor]) => sum + factor * Math.cos(px * x) * Math.cos(py * y), constant);
  };
  const lightness = channel(Math.max(3, nx), Math.max(3, ny), (head & 63) / 63, ((head >> 18) & 31) / 31);
  const yellow = channel(3, 3, ((head >> 6) & 63) / 31.5 - 1, (((next >> 3) & 63) / 63) * 1.25);
  const red = channel(3, 3, ((head >> 12) & 63) / 31.5 - 1, (((next >> 9) & 63) / 63) * 1.25);

  const width = Math.max(1, Math.round(SIDE_PX * Math.min(1, nx / ny)));
  const height = Math.max(1, Math.round(SIDE_PX * Math.min(1, ny / nx)));
  // Rows end at whole words, and the lowest comes first.
  const row = Math.ceil((width * 3) / 4) * 4;
  const bmp = new Uint8Array(HEADER_BYTES + row * height);
  const view = new DataView(bmp.buffer);
  const header = [0, 0x4d42, 2, bmp.length, 10, HEADER_BYTES, 14, 40, 18, width, 22, height, 26, 1, 28, 24];
  for (let field = 0; field < header.length; field += 2)
    view.setUint16(header[field] ?? 0, header[field + 1] ?? 0, true);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const place = [(Math.PI * (x + 0.5)) / width, (Math.PI * (y + 0.5)) / height] as const;
      const [l, p, q] = [lightness(...place), yellow(...place), red(...place)];
      const blue = l - (2 / 3) * p;
      const r = (3 * l - blue + q) / 2;
      const pixel = [blue, r - q, r].map((value) => Math.round(255 * Math.min(1, Math.max(0, value))));
      bmp.set(pixel, HEADER_BYTES + (height - 1 - y) * row + x * 3);
    }
  return `data:image/bmp;base64,${btoa(String.fromCharCode(...bmp))}`;
}

function bytesOf(hash: string): Uint8Array {
  try {
    return Uint8Array.from(atob(hash), (sign) => sign.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
