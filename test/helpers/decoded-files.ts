import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { letterF } from './pictures.ts';

/** Files of the formats that are decoded outside sharp, all of one picture: the letter F, and where `alpha` is said, fading in from the left. */
export interface DecodedFile {
  readonly format: string;
  readonly body: Buffer;
  readonly alpha?: boolean;
  /** Levels by which it may differ from the letter, by its own coding. */
  readonly within: number;
  /** Stored on its side: `turned` of the letter is upright again. */
  readonly turned?: boolean;
}

export const WIDTH = 96;
export const HEIGHT = 64;
export const LETTER = letterF(WIDTH, HEIGHT);
export const ALPHA = Buffer.from(Array.from({ length: WIDTH * HEIGHT }, (_, at) => Math.min(255, (at % WIDTH) * 3)));

const raw = { width: WIDTH, height: HEIGHT } as const;
const letter = () => sharp(LETTER, { raw: { ...raw, channels: 3 } });
const fading = () => letter().joinChannel(ALPHA, { raw: { ...raw, channels: 1 } });
const own = (name: string) => readFileSync(new URL(`../decoders/files/${name}`, import.meta.url));
/** Inks of the profile that libvips has for CMYK do not reach these colours. */
const INKS = 40;
/** Without a profile they are shown as browsers show them. */
const BARE_INKS = 60;

/** At the letter's edges. */
const SHARED = 100;

/** By name, a few kilobytes each. */
export async function decodedFiles(): Promise<Map<string, DecodedFile>> {
  const tiff = (options: Parameters<ReturnType<typeof sharp>['tiff']>[0], image = letter()) =>
    image.tiff(options).toBuffer();
  const files: [string, Omit<DecodedFile, 'body'> & { readonly body: Buffer | Promise<Buffer> }][] = [
    ['tiff', { format: 'tiff', within: 0, body: tiff({ compression: 'none' }) }],
    ['tiff lzw', { format: 'tiff', within: 0, body: tiff({ compression: 'lzw', predictor: 'horizontal' }) }],
    ['tiff deflate', { format: 'tiff', within: 0, body: tiff({ compression: 'deflate' }) }],
    ['tiff packbits', { format: 'tiff', within: 0, body: tiff({ compression: 'packbits' }) }],
    [
      'tiff tiled',
      { format: 'tiff', within: 0, body: tiff({ compression: 'lzw', tile: true, tileWidth: 32, tileHeight: 32 }) },
    ],
    ['tiff big', { format: 'tiff', within: 0, body: tiff({ compression: 'lzw', bigtiff: true }) }],
    ['tiff jpeg', { format: 'tiff', within: 24, body: tiff({ compression: 'jpeg', quality: 95 }) }],
    ['tiff 16 bit', { format: 'tiff', within: 1, body: tiff({ compression: 'lzw' }, letter().toColourspace('rgb16')) }],
    ['tiff alpha', { format: 'tiff', within: 0, alpha: true, body: tiff({ compression: 'deflate' }, fading()) }],
    [
      'tiff inks',
      {
        format: 'tiff',
        within: INKS,
        body: tiff({ compression: 'lzw' }, letter().toColourspace('cmyk').withIccProfile('cmyk')),
      },
    ],
    ...(['with a profile', 'bare'] as const).map(
      (profile): [string, Omit<DecodedFile, 'body'> & { body: Promise<Buffer> }] => {
        const inks = letter().toColourspace('cmyk');
        const image = profile === 'bare' ? inks : inks.withIccProfile('cmyk');
        const tiles = { tile: true, tileWidth: 32, tileHeight: 32 } as const;
        const body = tiff({ compression: 'jpeg', quality: 98, ...tiles }, image);
        return [
          `tiff inks, tiles of JPEG, ${profile}`,
          { format: 'tiff', within: profile === 'bare' ? BARE_INKS : INKS, body },
        ];
      },
    ),
    [
      'tiff turned',
      {
        format: 'tiff',
        within: 0,
        turned: true,
        body: tiff({ compression: 'lzw' }, letter().withMetadata({ orientation: 6 })),
      },
    ],
    ['jxl', { format: 'jxl', within: 24, body: own('letter-f.jxl') }],
    ['jxl alpha', { format: 'jxl', within: 0, alpha: true, body: own('letter-f-alpha.jxl') }],
    ['jxl p3', { format: 'jxl', within: 24, body: own('letter-f-p3.jxl') }],
    ['jxl turned', { format: 'jxl', within: 24, turned: true, body: own('letter-f-turned.jxl') }],
    ['jxl to the end of the file', { format: 'jxl', within: 24, body: openEnded(own('letter-f.jxl')) }],
    ['jp2', { format: 'jp2', within: 40, body: own('letter-f.jp2') }],
    ['jp2 bare', { format: 'jp2', within: 40, body: own('letter-f.j2k') }],
    ['jp2 bare, alpha', { format: 'jp2', within: 0, alpha: true, body: own('letter-f-alpha.j2k') }],
    ['jp2 ycc', { format: 'jp2', within: 2, body: own('letter-f-ycc-444.jp2') }],
    // Two or four pixels share a colour.
    ['jp2 ycc 4:2:2', { format: 'jp2', within: SHARED, body: own('letter-f-ycc-422.jp2') }],
    ['jp2 ycc 4:2:0', { format: 'jp2', within: SHARED, body: own('letter-f-ycc-420.jp2') }],
    ['psd', { format: 'psd', within: 0, body: psd({ depth: 8 }) }],
    ['psd 16 bit', { format: 'psd', within: 0, body: psd({ depth: 16 }) }],
    ['psd alpha', { format: 'psd', within: 3, alpha: true, body: psd({ depth: 8, alpha: true }) }],
    ['psd large', { format: 'psd', within: 0, body: psd({ depth: 8, large: true }) }],
    ['bmp', { format: 'bmp', within: 0, body: bmp({ bits: 24 }) }],
    ['bmp 32 bit', { format: 'bmp', within: 0, alpha: true, body: bmp({ bits: 32 }) }],
    ['bmp palette', { format: 'bmp', within: 0, body: bmp({ bits: 8 }) }],
    ['bmp runs', { format: 'bmp', within: 0, body: bmp({ bits: 8, runs: true }) }],
    ['bmp 16 bit', { format: 'bmp', within: 8, body: bmp({ bits: 16 }) }],
    ['ico', { format: 'ico', within: 0, alpha: true, body: ico(bmp({ bits: 32, icon: true })) }],
    ['ico png', { format: 'ico', within: 0, alpha: true, body: fading().png().toBuffer().then(ico) }],
  ];
  return new Map(
    await Promise.all(files.map(async ([name, file]) => [name, { ...file, body: await file.body }] as const)),
  );
}

/** A codestream in boxes, of which the last says no size (ISO/IEC 18181-2; ISO/IEC 14496-12, 4.2). */
function openEnded(codestream: Buffer): Buffer {
  const boxes = Buffer.from('\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl \0\0\0\0jxlc', 'latin1');
  return Buffer.concat([boxes, codestream]);
}

/** An SVG of the letter. */
export const LETTER_SVG = `<?xml version="1.0"?><!-- F --><svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
<rect width="96" height="64" fill="#ebebeb"/><g fill="#1e1e5a"><path d="M29 6h11v52H29zM29 6h43v10H29zM29 29h31v8H29z"/></g>
<path d="M29 51h11v7H29z" fill="#c81e1e"/></svg>`;

interface PsdOptions {
  readonly depth: 8 | 16;
  readonly alpha?: boolean;
  readonly large?: boolean;
}

/** With its layers left out but for their number, and its rows packed: https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/ */
export function psd({ depth, alpha = false, large = false }: PsdOptions): Buffer {
  const channels = alpha ? 4 : 3;
  const head = Buffer.alloc(26);
  head.write('8BPS');
  for (const [value, at] of [
    [large ? 2 : 1, 4],
    [channels, 12],
    [depth, 22],
    [3, 24],
  ] as const)
    head.writeUInt16BE(value, at);
  head.writeUInt32BE(HEIGHT, 14);
  head.writeUInt32BE(WIDTH, 18);
  const rows = Array.from({ length: channels * HEIGHT }, (_, n) => {
    const values = Array.from({ length: WIDTH }, (_, x) => stored((n % HEIGHT) * WIDTH + x, Math.floor(n / HEIGHT)));
    const bytes = Buffer.from(depth === 8 ? values : values.flatMap((value) => [value, value]));
    // Literal runs of up to 128 bytes.
    const parts = Array.from({ length: Math.ceil(bytes.length / 128) }, (_, part) =>
      bytes.subarray(128 * part, 128 * part + 128),
    );
    return Buffer.concat(parts.flatMap((part) => [Buffer.from([part.length - 1]), part]));
  });
  const counts = Buffer.alloc(rows.length * (large ? 4 : 2));
  for (const [n, row] of rows.entries())
    large ? counts.writeUInt32BE(row.length, 4 * n) : counts.writeUInt16BE(row.length, 2 * n);
  const layers = Buffer.concat([long(4), Buffer.from([alpha ? 0xff : 0, alpha ? 0xff : 1, 0, 0])]);
  return Buffer.concat([head, Buffer.alloc(8), long(layers.length), layers, Buffer.from([0, 1]), counts, ...rows]);

  /** The merged picture stands on white. */
  function stored(pixel: number, channel: number): number {
    if (channel === 3) return ALPHA[pixel]!;
    const value = LETTER[3 * pixel + channel]!;
    return alpha ? Math.round((value * ALPHA[pixel]!) / 255 + 255 - ALPHA[pixel]!) : value;
  }
  function long(value: number): Buffer {
    const bytes = Buffer.alloc(large ? 8 : 4);
    bytes.writeUInt32BE(value, large ? 4 : 0);
    return bytes;
  }
}

interface BmpOptions {
  readonly bits: 8 | 16 | 24 | 32;
  readonly runs?: boolean;
  /** Without the header of a file, and with a mask behind. */
  readonly icon?: boolean;
}

/** https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage */
export function bmp({ bits, runs = false, icon = false }: BmpOptions): Buffer {
  const colours = [...new Set(Array.from({ length: WIDTH * HEIGHT }, (_, pixel) => colourAt(pixel)))];
  const withMasks = bits === 32 && !icon;
  const info = Buffer.alloc(withMasks ? 108 : 40);
  for (const [value, at] of [
    [info.length, 0],
    [WIDTH, 4],
    [HEIGHT * (icon ? 2 : 1), 8],
  ] as const)
    info.writeInt32LE(value, at);
  for (const [value, at] of [
    [1, 12],
    [bits, 14],
    [runs ? 1 : withMasks ? 3 : 0, 16],
  ] as const)
    info.writeUInt16LE(value, at);
  if (withMasks)
    for (const [n, mask] of [0xff0000, 0xff00, 0xff, 0xff000000].entries()) info.writeUInt32LE(mask, 40 + 4 * n);
  info.writeUInt32LE(bits === 8 ? colours.length : 0, 32);
  const palette = Buffer.alloc(bits === 8 ? 4 * colours.length : 0);
  if (bits === 8) for (const [n, colour] of colours.entries()) palette.writeUInt32LE(colour, 4 * n);
  const rows = Array.from({ length: HEIGHT }, (_, y) => row(HEIGHT - 1 - y));
  const pixels = Buffer.concat(runs ? [...rows, Buffer.from([0, 1])] : rows);
  if (icon) return Buffer.concat([info, pixels, Buffer.alloc(HEIGHT * Math.ceil(WIDTH / 32) * 4)]);
  const head = Buffer.alloc(14);
  head.write('BM');
  head.writeUInt32LE(14 + info.length + palette.length + pixels.length, 2);
  head.writeUInt32LE(14 + info.length + palette.length, 10);
  return Buffer.concat([head, info, palette, pixels]);

  function colourAt(pixel: number): number {
    return LETTER.readUIntBE(3 * pixel, 3);
  }
  function row(y: number): Buffer {
    const bytes: number[] = [];
    for (let x = 0; x < WIDTH; x += 1) {
      const [red = 0, green = 0, blue = 0] = LETTER.subarray(3 * (y * WIDTH + x));
      const index = colours.indexOf(colourAt(y * WIDTH + x));
      if (bits >= 24) bytes.push(blue, green, red, ...(bits === 32 ? [ALPHA[y * WIDTH + x]!] : []));
      else if (bits === 16) bytes.push(...halves(((red >> 3) << 10) | ((green >> 3) << 5) | (blue >> 3)));
      else if (runs) bytes.push(1, index);
      else bytes.push(index);
    }
    return Buffer.from(runs ? [...bytes, 0, 0] : bytes);
  }
}

const halves = (value: number) => [value & 0xff, value >> 8];

/** An icon of a small picture, which is not the one to be shown, and this one. */
export function ico(picture: Buffer): Buffer {
  const head = Buffer.from([0, 0, 1, 0, 2, 0]);
  const entry = (width: number, height: number, bytes: number, at: number) => {
    const row = Buffer.from([width, height, 0, 0, 1, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    row.writeUInt32LE(bytes, 8);
    row.writeUInt32LE(at, 12);
    return row;
  };
  const small = bmp({ bits: 32, icon: true }).subarray(0, 40 + 16 * 16 * 4);
  const at = head.length + 32;
  return Buffer.concat([
    head,
    entry(16, 16, small.length, at),
    entry(WIDTH, HEIGHT, picture.length, at + small.length),
    small,
    picture,
  ]);
}
