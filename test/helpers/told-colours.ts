import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { av1Colours } from '../../src/render/formats/colour/avif/av1-sequence.ts';
import { itemsOf } from '../../src/render/formats/colour/avif/boxes.ts';
import { withAvifProfile } from '../../src/render/formats/colour/avif/with-properties.ts';
import { ADOBE_RGB, curveTag, DISPLAY_P3, gammaTag, iccProfile, profileOf } from './icc.ts';
import { withProfile } from './pictures.ts';

/** One picture of 24 patches, 8 by 3, in files that tell its colours by anything but an ICC profile. */
export const FOLDER = new URL('../render/colours/', import.meta.url);
export const PATCH = 24;
export const SIZE = { width: 192, height: 72 };
/** Upper left of each patch. */
export const PATCHES = Array.from({ length: 24 }, (_, n) => ({
  left: (n % 8) * PATCH,
  top: Math.floor(n / 8) * PATCH,
}));

export interface Kind {
  readonly name: string;
  readonly file: Buffer;
  readonly type: 'image/avif' | 'image/png' | 'image/jpeg' | 'image/webp';
}

/** Made by Debian's avifenc 0.11.1; README.md beside the files has the commands. */
export const avif = (name: string): Buffer => readFileSync(new URL(`${name}.avif`, FOLDER));

interface Nclx {
  readonly primaries?: number;
  readonly transfer?: number;
  readonly fullRange?: boolean;
}

/** The same AVIF with other numbers in its first `nclx`; the picture's, as avifenc orders them. */
export function withNclx(file: Buffer, { primaries, transfer, fullRange }: Nclx): Buffer {
  const copy = Buffer.from(file);
  const at = copy.indexOf('nclx') + 4;
  if (primaries !== undefined) copy.writeUInt16BE(primaries, at);
  if (transfer !== undefined) copy.writeUInt16BE(transfer, at + 2);
  if (fullRange !== undefined) copy.writeUInt8(fullRange ? 0x80 : 0, at + 6);
  return copy;
}

/** The same AVIF without it: the stream alone says what its colours are. */
export function withoutNclx(file: Buffer): Buffer {
  const copy = Buffer.from(file);
  copy.write('free', copy.indexOf('nclx') - 4, 'latin1');
  return copy;
}

function withIcc(file: Buffer, profile: Buffer): Buffer {
  const items = itemsOf(file);
  const tagged = items && withAvifProfile(file, items, profile);
  if (!tagged) throw new Error('the file takes a property more');
  return tagged;
}

/** The same AVIF with a `clli` box, ISO/IEC 14496-12, 12.1.6: made of a `colr` box that is empty but for its type. */
function withBrightest(file: Buffer, nits: number): Buffer {
  const copy = withIcc(file, Buffer.alloc(0));
  const at = copy.lastIndexOf('colrprof');
  copy.write('clli', at, 'latin1');
  copy.writeUInt16BE(nits, at + 4);
  copy.writeUInt16BE(0, at + 6);
  return copy;
}

/** A temporal delimiter, and the head of a sequence header. */
const STREAM_START = Buffer.from([0x12, 0, 0x0a]);

/** The same AVIF whose stream says the other range: of the picture, or of its alpha, which avifenc writes first. */
export function withOtherRange(file: Buffer, stream: 'picture' | 'alpha'): Buffer {
  const copy = Buffer.from(file);
  const bytes = copy.subarray(stream === 'alpha' ? copy.indexOf(STREAM_START) : copy.lastIndexOf(STREAM_START));
  const before = av1Colours(bytes);
  if (!before) throw new Error('there is no such stream');
  const wanted = JSON.stringify({ ...before, fullRange: !before.fullRange });
  for (let bit = STREAM_START.length * 8; bit < 512; bit += 1) {
    const mask = 0x80 >> (bit & 7);
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ mask, bit >> 3);
    if (JSON.stringify(av1Colours(bytes)) === wanted) return copy;
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ mask, bit >> 3);
  }
  throw new Error('no bit of this stream says its range');
}

/** A chunk behind IHDR: W3C PNG, section 5. */
export function withChunks(png: Buffer, ...chunks: readonly (readonly [string, Buffer])[]): Buffer {
  return Buffer.concat([png.subarray(0, 33), ...chunks.map(([type, data]) => chunk(type, data)), png.subarray(33)]);
}

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([u32(data.length), content, u32(crc32(content))]);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}

export const cicp = (primaries: number, transfer: number, matrix = 0, fullRange = 1) =>
  ['cICP', Buffer.from([primaries, transfer, matrix, fullRange])] as const;
export const gama = (gamma: number) => ['gAMA', u32(Math.round(gamma * 100_000))] as const;
/** White first: W3C PNG, 11.3.2.1. */
export const chrm = (...values: number[]) => ['cHRM', u32(...values.map((value) => Math.round(value * 1e5)))] as const;
export const SRGB_CHRM = chrm(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06);
const ADOBE_CHRM = chrm(0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06);
export const P3_CHRM = chrm(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06);
export const SRGB = ['sRGB', Buffer.from([0])] as const;
/** An iCCP chunk: W3C PNG, 11.3.2.3. */
export const iccp = (profile: Buffer) =>
  ['iCCP', Buffer.concat([Buffer.from('x\0\0', 'latin1'), deflateSync(profile)])] as const;

/** The picture's numbers, 8 bits, from a lossless file. */
export async function picture(): Promise<Buffer> {
  return sharp(avif('rgb')).removeAlpha().raw().toBuffer();
}

const raw = (data: Buffer) => sharp(data, { raw: { ...SIZE, channels: 3 } });

export async function pngs(): Promise<Readonly<Record<'rgb' | 'deep' | 'grey' | 'deepGrey' | 'palette', Buffer>>> {
  const data = await picture();
  const deep = Uint16Array.from(data, (value) => value * 257);
  const deepRgb = () => sharp(deep, { raw: { ...SIZE, channels: 3 } });
  const [rgb, deepPng, grey, deepGrey, palette] = await Promise.all([
    raw(data).png().toBuffer(),
    deepRgb().toColourspace('rgb16').png().toBuffer(),
    raw(data).extractChannel(0).png().toBuffer(),
    deepRgb().extractChannel(0).toColourspace('grey16').png().toBuffer(),
    raw(data).png({ palette: true, colours: 64, dither: 0 }).toBuffer(),
  ]);
  return { rgb, deep: deepPng, grey, deepGrey, palette };
}

const NO_PROFILE = Buffer.from('no profile at all, but long enough to be looked at: '.repeat(9));

/** Print colours without a profile: inverted with a marker of Adobe's, and without it, and as YCCK by that marker. */
async function cmyks(): Promise<Kind[]> {
  const adobe = await raw(await picture())
    .toColourspace('cmyk')
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();
  const at = adobe.indexOf('Adobe') - 4;
  const ycck = Buffer.from(adobe);
  // The last byte of APP14 is the transform: ITU-T T.872, 6.5.3.
  ycck.writeUInt8(2, at + 15);
  const plain = Buffer.concat([adobe.subarray(0, at), adobe.subarray(at + 16)]);
  const profiled = {
    'with a profile of RGB': withProfile(adobe, iccProfile(DISPLAY_P3)),
    'with no profile but junk': withProfile(plain, NO_PROFILE),
  };
  return Object.entries({ adobe, plain, ycck, ...profiled }).map(([name, file]) => ({
    name: `JPEG, CMYK, ${name}`,
    file,
    type: 'image/jpeg' as const,
  }));
}

/** A profile with the tag `cicp`, ICC.1:2022, 10.3; its curves say something else, as they do of PQ or where a reader knows no HDR. */
export function cicpProfile(transfer: number, curve: Buffer = gammaTag(2.2), [matrix, range] = [0, 1]): Buffer {
  const tag = Buffer.from([...Buffer.from('cicp'), 0, 0, 0, 0, 9, transfer, matrix, range]);
  return profileOf({ toXyz: DISPLAY_P3.toXyz, curves: [curve], version: 0x04400000, more: [['cicp', tag]] });
}

/** Nearly black, as the curve of PQ is in parts of its brightest light. */
const DARK = curveTag(Array.from({ length: 33 }, (_, n) => (n / 32) ** 6));

/** PQ and HLG that a profile tells, in each format that carries profiles. */
async function profiled(): Promise<Kind[]> {
  const { rgb, deep } = await pngs();
  const data = raw(await picture());
  const jpeg = await data.clone().jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
  return [
    { name: 'PNG, profile of PQ', file: withChunks(rgb, iccp(cicpProfile(16))), type: 'image/png' },
    { name: 'PNG, profile of PQ, 16 bits', file: withChunks(deep, iccp(cicpProfile(16, DARK))), type: 'image/png' },
    { name: 'PNG, profile of HLG', file: withChunks(rgb, iccp(cicpProfile(18))), type: 'image/png' },
    {
      name: 'PNG, profile of PQ behind cICP P3',
      file: withChunks(rgb, cicp(12, 13), iccp(cicpProfile(16))),
      type: 'image/png',
    },
    { name: 'JPEG, profile of PQ', file: withProfile(jpeg, cicpProfile(16, DARK)), type: 'image/jpeg' },
    { name: 'JPEG, profile of HLG', file: withProfile(jpeg, cicpProfile(18)), type: 'image/jpeg' },
    { name: 'AVIF, profile of PQ', file: withIcc(avif('rgb'), cicpProfile(16)), type: 'image/avif' },
    { name: 'AVIF, profile of HLG', file: withIcc(avif('full'), cicpProfile(18, DARK)), type: 'image/avif' },
    { name: 'WebP, profile of PQ', file: await webpWith(data, cicpProfile(16)), type: 'image/webp' },
  ];
}

/** In chunks: https://developers.google.com/speed/webp/docs/riff_container. */
async function webpWith(image: Sharp, profile: Buffer): Promise<Buffer> {
  const webp = await image.clone().webp({ lossless: true }).toBuffer();
  const head = Buffer.alloc(18);
  head.write('VP8X', 0, 'latin1');
  head.writeUInt32LE(10, 4);
  head.writeUInt8(0x20, 8);
  head.writeUIntLE(SIZE.width - 1, 12, 3);
  head.writeUIntLE(SIZE.height - 1, 15, 3);
  const icc = Buffer.alloc(8);
  icc.write('ICCP', 0, 'latin1');
  icc.writeUInt32LE(profile.length, 4);
  const pad = Buffer.alloc(profile.length % 2);
  const file = Buffer.concat([webp.subarray(0, 12), head, icc, profile, pad, webp.subarray(12)]);
  file.writeUInt32LE(file.length - 8, 4);
  return file;
}

const PRIMARIES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22];
const CURVES = [1, 2, 4, 5, 6, 7, 8, 13, 14, 15, 17];

function avifs(): Kind[] {
  const rgb = avif('rgb');
  const file = (name: string, body: Buffer): Kind => ({ name: `AVIF, ${name}`, file: body, type: 'image/avif' });
  const ranges = (name: string, fullRange: boolean) => [
    file(name, avif(name)),
    file(`${name}, other range in the container`, withNclx(avif(name), { fullRange })),
    file(`${name}, other range in the stream`, withOtherRange(avif(name), 'picture')),
    file(`${name}, told by the stream`, withoutNclx(avif(name))),
  ];
  return [
    ...PRIMARIES.map((primaries) => file(`primaries ${primaries}`, withNclx(rgb, { primaries, transfer: 13 }))),
    ...CURVES.map((transfer) => file(`curve ${transfer}`, withNclx(rgb, { transfer }))),
    file('primaries 9, unknown curve', withNclx(rgb, { primaries: 9, transfer: 3 })),
    file('PQ, 8 bits, BT.709', withNclx(rgb, { transfer: 16 })),
    file('HLG, 8 bits, P3', withNclx(rgb, { primaries: 12, transfer: 18 })),
    ...['p3', 'p3-grid', 'pq', 'hlg', 'pq-limited', 'grey-limited-10'].map((name) => file(name, avif(name))),
    ...['p3', 'p3-grid', 'pq'].map((name) => file(`${name}, told by the stream`, withoutNclx(avif(name)))),
    ...ranges('grey-limited', true),
    ...ranges('limited', true),
    ...ranges('full', false),
    file('grey-limited, with a profile', withIcc(avif('grey-limited'), iccProfile(DISPLAY_P3))),
    file('p3, with another profile', withIcc(avif('p3'), iccProfile(ADOBE_RGB))),
    file('pq, brightest 400 nits', withBrightest(avif('pq'), 400)),
    file('rgb-limited', avif('rgb-limited')),
    file('rgb, limited by the container', withNclx(rgb, { fullRange: false })),
  ];
}

async function coloured(): Promise<Kind[]> {
  const { rgb, deep, grey, deepGrey, palette } = await pngs();
  const hdr = cicp(9, 16);
  const kinds: Readonly<Record<string, Buffer>> = {
    'cICP P3': withChunks(rgb, cicp(12, 13)),
    'cICP P3, palette': withChunks(palette, cicp(12, 13)),
    'cICP P3, 16 bits': withChunks(deep, cicp(12, 13)),
    'cICP PQ': withChunks(rgb, hdr),
    'cICP PQ, 16 bits': withChunks(deep, hdr),
    'cICP PQ, grey': withChunks(grey, hdr),
    'cICP PQ, deep grey': withChunks(deepGrey, hdr),
    'cICP PQ, brightest 400 nits': withChunks(rgb, hdr, ['cLLI', u32(4_000_000, 1_000_000)]),
    'cICP PQ, mastered at 4000 nits': withChunks(rgb, hdr, [
      'mDCV',
      Buffer.concat([Buffer.alloc(16), u32(40_000_000, 50)]),
    ]),
    'cICP HLG': withChunks(rgb, cicp(9, 18)),
    'cICP of television': withChunks(rgb, cicp(9, 1)),
    'cICP before sRGB': withChunks(rgb, SRGB, cicp(12, 13)),
    'cICP unspecified, then gAMA': withChunks(rgb, cicp(2, 2), gama(1)),
    'cICP unknown, then gAMA': withChunks(rgb, cicp(3, 13), gama(1)),
    'sRGB before gAMA and cHRM': withChunks(rgb, gama(1), P3_CHRM, SRGB),
    'gAMA 1': withChunks(rgb, gama(1)),
    'gAMA 1, 16 bits': withChunks(deep, gama(1)),
    'gAMA 1, grey': withChunks(grey, gama(1)),
    'gAMA 1, deep grey': withChunks(deepGrey, gama(1)),
    'gAMA 1/1.8': withChunks(rgb, gama(1 / 1.8)),
    'gAMA 1/2.2': withChunks(rgb, gama(0.45455)),
    'gAMA 0.44': withChunks(rgb, gama(0.44)),
    'gAMA 0.48': withChunks(rgb, gama(0.48)),
    'iCCP that is none, then gAMA': withChunks(rgb, iccp(NO_PROFILE), gama(1)),
    'iCCP before gAMA': withChunks(rgb, gama(1), iccp(iccProfile(DISPLAY_P3))),
    'gAMA 0': withChunks(rgb, gama(0)),
    'gAMA and cHRM of sRGB': withChunks(rgb, gama(0.45455), SRGB_CHRM),
    'gAMA and cHRM of sRGB, grey': withChunks(grey, gama(0.45455), SRGB_CHRM),
    'gAMA and cHRM of Adobe RGB': withChunks(rgb, gama(0.4547), ADOBE_CHRM),
    'gAMA and cHRM of P3, 16 bits': withChunks(deep, gama(0.45455), P3_CHRM),
    'cHRM alone': withChunks(rgb, P3_CHRM),
    'gAMA and a cHRM of zeros': withChunks(rgb, gama(1), chrm(0, 0, 0, 0, 0, 0, 0, 0)),
    'gAMA behind the pixels': Buffer.concat([rgb.subarray(0, -12), chunk(...gama(1)), rgb.subarray(-12)]),
    'gAMA 1 broken': withChunks(rgb, gama(1)).fill(0xff, 33 + 12, 33 + 16),
  };
  return Object.entries(kinds).map(([name, file]) => ({ name: `PNG, ${name}`, file, type: 'image/png' as const }));
}

export async function toldKinds(): Promise<Kind[]> {
  return [...avifs(), ...(await coloured()), ...(await cmyks()), ...(await profiled())];
}

/** The same AVIF with the properties of each item in an `ipma` box of its own, as some encoders write them. */
export function withSplitAssociations(file: Buffer): Buffer {
  const items = itemsOf(file);
  const iloc = file.indexOf('iloc') - 4;
  if (!items?.ipmas[0] || file.readUInt8(iloc + 8) !== 0) throw new Error('another form than that of the files here');
  const { iprp, meta, associations } = items;
  const [ipma] = items.ipmas;
  const head = Buffer.from(file.subarray(ipma.at, ipma.body + 8));
  head.writeUInt32BE(1, ipma.body + 4 - ipma.at);
  let from = ipma.body + 8;
  const split = Array.from(associations.values(), ({ end }) => {
    const box = Buffer.concat([head, file.subarray(from, end)]);
    box.writeUInt32BE(box.length);
    from = end;
    return box;
  });
  const grown = split.reduce((sum, { length }) => sum + length, 0) - (ipma.end - ipma.at);
  const copy = Buffer.from(file);
  for (const { at } of [iprp, meta]) copy.writeUInt32BE(copy.readUInt32BE(at) + grown, at);
  // ISO/IEC 14496-12, 8.11.3, version 0: two numbers of an item, how many extents, and of each where it is and how long.
  const bytes = copy.readUInt8(iloc + 12) >> 4;
  const step = 6 + 2 * bytes;
  for (let n = 0, at = iloc + 16; n < copy.readUInt16BE(iloc + 14); n += 1, at += step)
    copy.writeUIntBE(copy.readUIntBE(at + 6, bytes) + grown, at + 6, bytes);
  return Buffer.concat([copy.subarray(0, ipma.at), ...split, copy.subarray(ipma.end)]);
}
