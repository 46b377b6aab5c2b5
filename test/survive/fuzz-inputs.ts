import sharp from 'sharp';
import { extendedWebp, pngChunk, riffChunk, webpPixels } from '../helpers/bombs.ts';
import { letterF, withSegment } from '../helpers/pictures.ts';

/** One broken file, and how it was made. The same seed and number make the same file. */
export interface BrokenFile {
  readonly format: string;
  readonly mutation: string;
  readonly body: Buffer;
}

/** Numbers from 0 to below `limit`. */
type Draw = (limit: number) => number;

/** mulberry32: small, and the same everywhere. */
export function drawsOf(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

const WIDTH = 96;
const HEIGHT = 64;

/** Valid files of every kind that is read, a few kilobytes each. */
export async function validFiles(): Promise<Map<string, Buffer>> {
  const pixels = letterF(WIDTH, HEIGHT);
  // Noise keeps the coders busy: a flat picture has hardly any data to break.
  const draw = drawsOf(7);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = Math.min(255, Math.max(0, pixels[at]! + draw(25) - 12));
  const photo = () => sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  const cutout = () =>
    photo().joinChannel(Buffer.alloc(WIDTH * HEIGHT, 128), { raw: { width: WIDTH, height: HEIGHT, channels: 1 } });
  const frames = await Promise.all(
    [1, 2, 3].map((n) =>
      photo()
        .modulate({ hue: n * 60 })
        .png()
        .toBuffer(),
    ),
  );
  const moving = () => sharp(frames, { join: { animated: true } });
  const exif = Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0', 'latin1');
  const plainPng = await photo().png().toBuffer();
  const lossy = await photo().webp({ quality: 60 }).toBuffer();
  const files: [string, Buffer | Promise<Buffer>][] = [
    ['jpeg', withSegment(await photo().jpeg({ quality: 70 }).toBuffer(), 0xe1, exif)],
    ['jpeg progressive', photo().jpeg({ quality: 70, progressive: true }).toBuffer()],
    ['jpeg 4:4:4', photo().jpeg({ quality: 80, chromaSubsampling: '4:4:4', optimiseCoding: true }).toBuffer()],
    ['jpeg CMYK', photo().toColourspace('cmyk').jpeg({ quality: 60 }).toBuffer()],
    ['jpeg grey', photo().greyscale().jpeg({ quality: 70 }).toBuffer()],
    ['png', plainPng],
    ['png 16 bit', photo().toColourspace('rgb16').png().toBuffer()],
    ['png alpha', cutout().png().toBuffer()],
    ['png palette', photo().png({ palette: true, colours: 16 }).toBuffer()],
    ['png interlaced', photo().png({ progressive: true }).toBuffer()],
    ['png animated', animatedPng(plainPng)],
    ['webp', lossy],
    ['webp extended', extendedWebp(WIDTH, HEIGHT, 0x08, [webpPixels(lossy), riffChunk('EXIF', exif)])],
    ['webp lossless', photo().webp({ lossless: true, effort: 1 }).toBuffer()],
    ['webp alpha', cutout().webp({ quality: 60 }).toBuffer()],
    ['webp animated', moving().webp({ quality: 50, effort: 1 }).toBuffer()],
    ['gif', photo().gif({ effort: 1 }).toBuffer()],
    ['gif animated', moving().gif({ effort: 1, colours: 32 }).toBuffer()],
    ['avif', photo().avif({ quality: 60, effort: 0 }).toBuffer()],
    ['avif alpha', cutout().avif({ quality: 60, effort: 0 }).toBuffer()],
    ['avif 10 bit', photo().avif({ quality: 60, effort: 0, bitdepth: 10 }).toBuffer()],
  ];
  return new Map(await Promise.all(files.map(async ([name, file]) => [name, await file] as const)));
}

/** The chunks of an APNG around a still: what is not read may be broken too. */
function animatedPng(png: Buffer): Buffer {
  const control = Buffer.alloc(26);
  control.writeUInt32BE(WIDTH, 4);
  control.writeUInt32BE(HEIGHT, 8);
  const chunks = [pngChunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])), pngChunk('fcTL', control)];
  const second = pngChunk('fdAT', Buffer.concat([Buffer.from([0, 0, 0, 1]), png.subarray(41, -16)]));
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33, -12), second, png.subarray(-12)]);
}

/** What the formats' own readers look for. */
const WORDS = [
  ...['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS', 'iCCP', 'eXIf', 'acTL', 'fcTL', 'zTXt', 'sRGB', 'gAMA', 'cHRM'],
  ...['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP', 'EXIF', 'RIFF', 'WEBP', 'XMP '],
  ...['ftyp', 'meta', 'iloc', 'iinf', 'infe', 'iprp', 'ipco', 'ipma', 'ispe', 'pixi', 'av1C', 'auxC', 'irot', 'imir'],
  ...['clap', 'grid', 'iovl', 'iden', 'mdat', 'moov', 'colr', 'hvc1', 'GIF87a', 'GIF89a', 'NETSCAPE2.0', 'Exif\0\0'],
  ...['\xff\xd8', '\xff\xd9', '\xff\xda', '\xff\xc0', '\xff\xc2', '\xff\xc4', '\xff\xdb', '\xff\xdd', '\xff\xd0'],
  ...['\xff\xee\0\x0eAdobe', '\xff\xe2', '\x21\xf9\x04', '\x21\xff\x0b', '\x2c\0\0\0\0', '\x3b'],
].map((word) => Buffer.from(word, 'latin1'));

/** Lengths and counts at which arithmetic goes wrong. */
const EDGES = [
  0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe,
  0xffffffff,
];

type Mutation = (file: Buffer, draw: Draw, donor: Buffer) => Buffer;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  cut: (file, draw) => file.subarray(0, draw(file.length)),
  flip: (file, draw) =>
    changed(file, (copy) => {
      for (let n = 1 + draw(8); n > 0; n -= 1) {
        const at = placeIn(file, draw);
        copy[at] = copy[at]! ^ (1 << draw(8));
      }
    }),
  overwrite: (file, draw) =>
    changed(file, (copy) => {
      const at = placeIn(file, draw);
      const end = Math.min(file.length, at + 1 + draw(32));
      const value = draw(3);
      for (let place = at; place < end; place += 1) copy[place] = value === 0 ? 0 : value === 1 ? 0xff : draw(256);
    }),
  splice: (file, draw, donor) =>
    Buffer.concat([file.subarray(0, draw(file.length)), donor.subarray(draw(donor.length))]),
  number: (file, draw) =>
    changed(file, (copy) => {
      const bytes = [1, 2, 4][draw(3)] as number;
      const at = Math.min(placeIn(file, draw), file.length - bytes);
      const value = EDGES[draw(EDGES.length)]! % 2 ** (8 * bytes);
      if (draw(2) === 0) copy.writeUIntBE(value, at, bytes);
      else copy.writeUIntLE(value, at, bytes);
    }),
  word: (file, draw) => {
    const word = WORDS[draw(WORDS.length)] as Buffer;
    const at = placeIn(file, draw);
    return Buffer.concat([file.subarray(0, at), word, file.subarray(draw(2) === 0 ? at : at + word.length)]);
  },
  drop: (file, draw) => {
    const at = placeIn(file, draw);
    return Buffer.concat([file.subarray(0, at), file.subarray(at + 1 + draw(64))]);
  },
  'chunk twice': (file, draw) => onChunk(file, draw, (chunk) => [...Array<Buffer>(1 + draw(40)).fill(chunk), chunk]),
  'chunk gone': (file, draw) => onChunk(file, draw, () => []),
  'chunk moved': (file, draw) => {
    const chunks = chunksOf(file);
    const [taken] = chunks.splice(draw(chunks.length), 1);
    chunks.splice(draw(chunks.length + 1), 0, taken as Buffer);
    return Buffer.concat(chunks);
  },
};
export const MUTATION_NAMES = Object.keys(MUTATIONS);

function changed(file: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(file);
  change(copy);
  return copy;
}

/** Half of all places lie where most can go wrong: in the header. */
function placeIn(file: Buffer, draw: Draw): number {
  return draw(2) === 0 ? draw(Math.min(file.length, 220)) : draw(file.length);
}

function onChunk(file: Buffer, draw: Draw, change: (chunk: Buffer) => Buffer[]): Buffer {
  const chunks = chunksOf(file);
  const at = draw(chunks.length);
  return Buffer.concat(chunks.flatMap((chunk, index) => (index === at ? change(chunk) : [chunk])));
}

/** The parts that a valid file is made of; what is not understood stays one part. */
function chunksOf(file: Buffer): Buffer[] {
  const [start, lengthOf] = layoutOf(file);
  const chunks = start > 0 ? [file.subarray(0, start)] : [];
  let at = start;
  while (at < file.length) {
    const length = at + 8 <= file.length ? lengthOf(at) : 0;
    const end = length > 0 && at + length <= file.length ? at + length : file.length;
    chunks.push(file.subarray(at, end));
    at = end;
  }
  return chunks;
}

function layoutOf(file: Buffer): [start: number, lengthOf: (at: number) => number] {
  if (file[0] === 0x89) return [8, (at) => 12 + file.readUInt32BE(at)];
  if (file[0] === 0xff) return [2, (at) => (file[at + 1] === 0xda ? 0 : 2 + file.readUInt16BE(at + 2))];
  if (file[0] === 0x52) return [12, (at) => 8 + file.readUInt32LE(at + 4) + (file.readUInt32LE(at + 4) % 2)];
  // A GIF's blocks hang on its tables; pieces of 64 bytes are as good a place to cut.
  if (file[0] === 0x47) return [13, () => 64];
  return [0, (at) => file.readUInt32BE(at)];
}

/** A PNG whose damage its checksums do not tell: else nothing of it gets past the first look. */
function withRightSums(file: Buffer): Buffer {
  if (file[0] !== 0x89 || file.length < 12) return file;
  return Buffer.concat(
    chunksOf(file).map((chunk, index) => {
      if (index === 0 || chunk.length < 12 || chunk.readUInt32BE(0) !== chunk.length - 12) return chunk;
      return pngChunk(chunk.toString('latin1', 4, 8), chunk.subarray(8, -4));
    }),
  );
}

/** Makes broken file number `index` of a run. */
export function createBreaker(files: ReadonlyMap<string, Buffer>, seed: number): (index: number) => BrokenFile {
  const names = [...files.keys()];
  return (index) => {
    const draw = drawsOf(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
    const format = names[index % names.length] as string;
    const mutation = MUTATION_NAMES[draw(MUTATION_NAMES.length)] as string;
    const donor = files.get(names[draw(names.length)] as string) as Buffer;
    const body = (MUTATIONS[mutation] as Mutation)(files.get(format) as Buffer, draw, donor);
    return { format, mutation, body: draw(2) === 0 ? withRightSums(body) : body };
  };
}
