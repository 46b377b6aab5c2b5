/**
 * Makes the samples again: `node tools/make-samples.ts <folder with scikit-image's data>`. On Debian that folder
 * comes with the package python3-skimage. Sources and licences: samples/README.md.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const [, , source] = process.argv;
if (!source)
  throw new Error('usage: node tools/make-samples.ts <folder with astronaut.png, coffee.png, chelsea.png, rocket.jpg>');
const from = (name: string) => join(source, name);
const to = (name: string) => new URL(`../samples/${name}`, import.meta.url).pathname;

async function photos(): Promise<void> {
  await sharp(from('astronaut.png')).jpeg({ quality: 92 }).toFile(to('astronaut.jpg'));
  await sharp(from('coffee.png')).jpeg({ quality: 92 }).toFile(to('coffee.jpg'));
  await sharp(from('chelsea.png')).png({ compressionLevel: 9 }).toFile(to('chelsea.png'));
  await sharp(from('rocket.jpg')).webp({ quality: 92 }).toFile(to('rocket.webp'));
}

/** A jug with soft edges and a soft shadow on nothing. */
async function cutout(): Promise<void> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="1000" viewBox="0 0 900 1000">
    <defs>
      <linearGradient id="glaze"><stop offset="0" stop-color="#0d5c63"/><stop offset=".35" stop-color="#44a1a0"/>
        <stop offset=".5" stop-color="#9fe0d8"/><stop offset="1" stop-color="#08373d"/></linearGradient>
      <linearGradient id="clay"><stop offset="0" stop-color="#8a4b2a"/><stop offset=".45" stop-color="#d99a6c"/>
        <stop offset="1" stop-color="#5b2c16"/></linearGradient>
      <filter id="soft" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="22"/></filter>
    </defs>
    <ellipse cx="450" cy="905" rx="300" ry="38" fill="#000" opacity=".45" filter="url(#soft)"/>
    <path d="M620 330 C830 300 850 640 600 690" fill="none" stroke="url(#clay)" stroke-width="46" stroke-linecap="round"/>
    <path d="M330 110 C330 240 190 330 190 580 C190 790 290 900 450 900 C610 900 710 790 710 580 C710 330 570 240 570 110 Z" fill="url(#clay)"/>
    <path d="M330 110 C330 240 190 330 190 580 C190 640 205 690 225 735 C300 690 360 770 450 735 C540 700 610 780 675 735 C695 690 710 640 710 580 C710 330 570 240 570 110 Z" fill="url(#glaze)"/>
    <ellipse cx="450" cy="110" rx="120" ry="30" fill="#052b30"/>
    <path d="M290 420 C260 500 255 580 270 650" fill="none" stroke="#fff" stroke-width="22" stroke-linecap="round" opacity=".55"/>
  </svg>`;
  await sharp(Buffer.from(svg)).png({ compressionLevel: 9 }).toFile(to('cutout.png'));
}

/** Stored lying on its side, as phones do, with the tag that stands it up, and camera tags that must not come out. */
async function turned(): Promise<void> {
  const exif = {
    IFD0: { Make: 'Darkroom Samples', Model: 'Turned One', Copyright: 'public domain' },
    IFD3: {
      GPSLatitudeRef: 'N',
      GPSLatitude: '51/1 30/1 3230/100',
      GPSLongitudeRef: 'W',
      GPSLongitude: '0/1 7/1 3950/100',
    },
  };
  await sharp(from('coffee.png'))
    .rotate(270)
    .withExif(exif)
    .withMetadata({ orientation: 6, exif })
    .jpeg({ quality: 90 })
    .toFile(to('turned.jpg'));
}

/** Four frames of a turning dial, with uneven delays. */
async function spinner(): Promise<void> {
  const colours = ['#d7263d', '#f4b400', '#1b998b', '#2e86ab'];
  const frames = await Promise.all(
    colours.map((colour, turn) => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240"><rect width="240" height="240" fill="#fbf7ef"/>
        <g transform="rotate(${turn * 90} 120 120)"><circle cx="120" cy="120" r="90" fill="none" stroke="#ddd" stroke-width="22"/>
        <path d="M120 30 A90 90 0 0 1 210 120" fill="none" stroke="${colour}" stroke-width="22" stroke-linecap="round"/></g></svg>`;
      return sharp(Buffer.from(svg)).png().toBuffer();
    }),
  );
  await sharp(frames, { join: { animated: true } })
    .gif({ delay: [100, 300, 100, 700], loop: 0 })
    .toFile(to('spinner.gif'));
}

/** Display P3 with colours that sRGB does not have: the numbers are P3's own, the profile only says so. */
async function wideGamut(): Promise<void> {
  const side = 480;
  const data = Buffer.alloc(side * side * 3);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const angle = Math.atan2(y - side / 2, x - side / 2);
      const radius = Math.min(1, Math.hypot(x - side / 2, y - side / 2) / (side / 2));
      [0, 1, 2].forEach((channel) => {
        const hue = 0.5 + 0.5 * Math.cos(angle - (channel * 2 * Math.PI) / 3);
        data[(y * side + x) * 3 + channel] = Math.round(255 * (1 - radius + radius * hue ** 1.5));
      });
    }
  }
  const { icc } = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
    .withIccProfile('p3')
    .jpeg()
    .toBuffer()
    .then((tagged) => sharp(tagged).metadata());
  if (!icc) throw new Error('sharp wrote no profile');
  const jpeg = await sharp(data, { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
  await writeFile(to('wide-gamut.jpg'), withProfile(jpeg, icc));
}

/** Puts an ICC profile into a JPEG as one APP2 segment behind the start marker (ICC.1:2022, annex B.4). */
function withProfile(jpeg: Buffer, icc: Buffer): Buffer {
  const head = Buffer.from('ICC_PROFILE\0\u0001\u0001', 'latin1');
  const marker = Buffer.from([0xff, 0xe2, 0, 0]);
  marker.writeUInt16BE(2 + head.length + icc.length, 2);
  return Buffer.concat([jpeg.subarray(0, 2), marker, head, icc, jpeg.subarray(2)]);
}

/** A mark for watermarks: an aperture of six blades, white with a dark rim. */
async function logo(): Promise<void> {
  const blades = [0, 60, 120, 180, 240, 300].map(
    (turn) =>
      `<path d="M280 200 L188 359" fill="none" stroke="#fff" stroke-width="16" stroke-linecap="round" transform="rotate(${turn} 200 200)"/>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400">
    <circle cx="200" cy="200" r="160" fill="none" stroke="#000" stroke-opacity=".35" stroke-width="30"/>
    <circle cx="200" cy="200" r="160" fill="none" stroke="#fff" stroke-width="18"/>${blades.join('')}</svg>`;
  await mkdir(to('../examples/assets'), { recursive: true });
  await sharp(Buffer.from(svg)).png({ compressionLevel: 9 }).toFile(to('../examples/assets/logo.png'));
}

await Promise.all([photos(), cutout(), logo(), turned(), spinner(), wideGamut()]);
process.stdout.write('samples made\n');
