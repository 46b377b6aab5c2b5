import sharp from 'sharp';
import { BT_2020, toConnectionSpace } from '../../src/render/formats/colour/primaries.ts';
import type { RgbConversion } from '../../src/render/formats/colour/rgb-profile.ts';
import { linearToSrgb } from '../../src/render/formats/colour/transfer.ts';
import { tiffAround } from '../../src/render/formats/rows-tiff.ts';
import { ADOBE_RGB, curveTag, DISPLAY_P3, functionTag, gammaTag, iccProfile, PROPHOTO, profileOf } from './icc.ts';

/** What sharp makes of these numbers by this profile, as 8 bits of sRGB. */
export function bySharpsProfile(pixels: Buffer, width: number, height: number, icc: Buffer): Promise<Buffer> {
  const at = 1024 + icc.length;
  const memory = new ArrayBuffer(at + pixels.length);
  new Uint8Array(memory, at).set(pixels);
  const tiff = tiffAround({ memory, at, width, height, channels: 3, icc, orientation: 1 });
  return sharp(tiff).toColourspace('srgb').raw().toBuffer();
}

/** The same by curves and matrix, as the engine does it. */
export function converted(pixels: Buffer, { curves, matrix }: RgbConversion): Buffer {
  const out = Buffer.alloc(pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const light = [0, 1, 2].map((channel) => curves[256 * channel + pixels[at + channel]!]!);
    for (let own = 0; own < 3; own += 1) {
      const sum = light.reduce((all, each, channel) => all + matrix[3 * own + channel]! * each, 0);
      const whole = Math.min(16_384, Math.max(0, Math.floor(sum / 16_384 + 0.5)));
      out[at + own] = Math.round(255 * linearToSrgb(whole / 16_384));
    }
  }
  return out;
}

export function farthest(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) throw new Error(`${one.length} and ${other.length} numbers`);
  return one.reduce((most, level, at) => Math.max(most, Math.abs(level - other[at]!)), 0);
}

const SRGB_FUNCTION = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
const { toXyz } = DISPLAY_P3;
const rec2020 = toConnectionSpace(BT_2020);
if (!rec2020) throw new Error('the primaries of BT.2020 span a space');

/** Profiles of curves and a matrix, with curves of every kind. */
export const OTHER_COLOURS: Readonly<Record<string, Buffer>> = {
  'Display P3, as phones write it': profileOf({
    ...{ toXyz, curves: [functionTag(3, SRGB_FUNCTION)], version: 0x04000000 },
    more: [['chad', Buffer.from('sf32')]],
  }),
  'Display P3 of a gamma': iccProfile(DISPLAY_P3),
  'Adobe RGB': iccProfile(ADOBE_RGB),
  'ROMM RGB of a gamma': iccProfile(PROPHOTO),
  'ROMM RGB with its foot': profileOf({
    toXyz: PROPHOTO.toXyz,
    curves: [functionTag(3, [1.8, 1, 0, 1 / 16, 0.031248])],
    version: 0x04200000,
  }),
  'a gamma as a function': profileOf({ toXyz, curves: [functionTag(0, [2.2])] }),
  'a function of three numbers': profileOf({ toXyz, curves: [functionTag(1, [2.2, 1.02, -0.02])] }),
  'a function of four numbers': profileOf({ toXyz, curves: [functionTag(2, [2.2, 1, 0, 0])] }),
  'a function of seven numbers': profileOf({ toXyz, curves: [functionTag(4, [...SRGB_FUNCTION, 0, 0])] }),
  'a table of 256': profileOf({
    toXyz: ADOBE_RGB.toXyz,
    curves: [curveTag(Array.from({ length: 256 }, (_, n) => (n / 255) ** 2.1))],
  }),
  'a table of 4096, of BT.2020': profileOf({
    toXyz: rec2020,
    curves: [curveTag(Array.from({ length: 4096 }, (_, n) => (n / 4095) ** 2.4))],
  }),
  'three curves': profileOf({ toXyz, curves: [gammaTag(2.2), functionTag(0, [2]), functionTag(3, SRGB_FUNCTION)] }),
};

/** sRGB as it is written by most cameras, by phones, and with a name of its own. */
const SRGB_XYZ = [
  [0.436066, 0.385147, 0.143066],
  [0.222488, 0.716873, 0.060608],
  [0.013916, 0.097076, 0.714096],
] as const;
export const SRGB_PROFILES: Readonly<Record<string, Buffer>> = {
  'a table of 1024': profileOf({
    toXyz: SRGB_XYZ,
    curves: [curveTag(Array.from({ length: 1024 }, (_, n) => srgbLight(n / 1023)))],
  }),
  'a function': profileOf({ toXyz: SRGB_XYZ, curves: [functionTag(3, SRGB_FUNCTION)], version: 0x04200000 }),
  'under the name of another': profileOf({
    name: 'Adobe RGB (1998)',
    toXyz: SRGB_XYZ,
    curves: [functionTag(3, SRGB_FUNCTION)],
  }),
};

function srgbLight(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

/** Profiles of other kinds, and such as no screen or camera has: none for the engine. */
export function doubtfulProfiles(): Readonly<Record<string, Buffer>> {
  const fine = { toXyz, curves: [gammaTag(2.2)] };
  const whole = profileOf(fine);
  const samples = (count: number, of: (value: number) => number) =>
    curveTag(Array.from({ length: count }, (_, n) => of(n / (count - 1))));
  const scaled = (factor: number) => ({ ...fine, toXyz: toXyz.map((row) => row.map((x) => x * factor)) as never });
  const changed = (at: number, bytes: Buffer) =>
    Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length)]);
  const [first, second, third] = toXyz;
  const swapped = [first, second, third].map(([red, green, blue]) => [blue, green, red]) as never;
  return {
    'a table of colours': profileOf({ ...fine, more: [['A2B0', Buffer.alloc(64)]] }),
    'a table of colours for another intent': profileOf({ ...fine, more: [['A2B1', Buffer.alloc(64)]] }),
    'a table of deep colours': profileOf({ ...fine, version: 0x04200000, more: [['D2B0', Buffer.alloc(64)]] }),
    'a table for the way back': profileOf({ ...fine, more: [['B2A0', Buffer.alloc(64)]] }),
    'a matrix of zero': profileOf(scaled(0)),
    'a negative matrix': profileOf(scaled(-1)),
    'a matrix twice as bright': profileOf(scaled(2)),
    'the largest numbers': profileOf(scaled(30_000)),
    'red for blue': profileOf({ ...fine, toXyz: swapped }),
    'a gamma of zero': profileOf({ ...fine, curves: [gammaTag(0)] }),
    'a gamma of 100': profileOf({ ...fine, curves: [gammaTag(100)] }),
    'a negative gamma': profileOf({ ...fine, curves: [functionTag(0, [-2])] }),
    'a function that has no value': profileOf({ ...fine, curves: [functionTag(1, [2.2, 0, 0])] }),
    'a function of another kind': profileOf({ ...fine, curves: [functionTag(5, [2.2])] }),
    'a function without numbers': profileOf({ ...fine, curves: [functionTag(3, [2.2])] }),
    'linear light': profileOf({ ...fine, curves: [gammaTag(1)] }),
    'a curve that is none': profileOf({ ...fine, curves: [samples(65_536, (x) => x ** 2.2)] }),
    'a curve that ends behind its tag': profileOf({ ...fine, curves: [gammaTag(2.2).fill(255, 8, 12)] }),
    'a curve that falls': profileOf({ ...fine, curves: [samples(64, (x) => 1 - x)] }),
    'a curve with a step': profileOf({ ...fine, curves: [samples(64, (x) => (x < 0.5 ? 0 : 1))] }),
    'black that is grey': profileOf({ ...fine, curves: [samples(256, (x) => 0.1 + 0.9 * x ** 2.2)] }),
    'black that is not quite black': profileOf({ ...fine, curves: [functionTag(1, [2.2, 1 / 1.02, 0.02 / 1.02])] }),
    'white that is grey': profileOf({ ...fine, curves: [samples(256, (x) => 0.9 * x ** 2.2)] }),
    'no curve of blue': profileOf({ ...fine, curves: [gammaTag(2.2), gammaTag(2.2), Buffer.from('text\0\0\0\0none')] }),
    'a connection space of Lab': profileOf({ ...fine, kind: 'mntrRGB Lab ' }),
    inks: profileOf({ ...fine, kind: 'prtrCMYKXYZ ' }),
    grey: profileOf({ ...fine, kind: 'mntrGRAYXYZ ' }),
    'a link': profileOf({ ...fine, kind: 'linkRGB XYZ ' }),
    'version 5': profileOf({ ...fine, version: 0x05000000 }),
    'a tag twice': profileOf({ ...fine, more: [['rTRC', gammaTag(1.8)]] }),
    'a million tags': changed(128, Buffer.from([0, 15, 66, 64])),
    'a tag behind its end': changed(132 + 4, Buffer.from([127, 255, 255, 255])),
    'no signature': changed(36, Buffer.from('asdf')),
    'an end that is missing': whole.subarray(0, whole.length - 40),
    'a head alone': whole.subarray(0, 128),
    nothing: Buffer.alloc(0),
    '10 MB': profileOf({ ...fine, more: [['vcgt', Buffer.alloc(10_000_000)]] }),
  };
}
