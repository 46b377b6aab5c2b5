import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import type { Chromium, Shown } from './chromium.ts';
import type { Opinion } from './judge.ts';
import { startPython } from './python.ts';

/** Decoders that are asked where a picture agrees with neither reference: of each format those that this machine has. */
export interface ThirdReaders {
  /** Names and versions of those that were found. */
  readonly found: readonly string[];
  show(path: string, format: string): Promise<readonly Opinion[]>;
  close(): void;
}

interface Reader {
  readonly name: string;
  readonly formats: readonly string[];
  show(path: string): Promise<Shown>;
  close?(): void;
}

/** Programs that write a PNG, which Chromium then shows: by its profile, where it has one. */
const PROGRAMS: readonly {
  readonly program: string;
  readonly versionBy: string;
  readonly version: RegExp;
  readonly formats: readonly string[];
  args(from: string, to: string, srgb: string): string[];
}[] = [
  {
    program: 'convert',
    versionBy: '-version',
    version: /ImageMagick [\d.-]+/,
    formats: ['psd', 'tiff', 'bmp', 'icon', 'png', 'gif', 'jpeg', 'webp'],
    // Colours by Little CMS in 16 bits; without a profile in the file this one is only noted.
    args: (from, to, srgb) => [`${from}[0]`, '-auto-orient', '-profile', srgb, to],
  },
  {
    program: 'avifdec',
    versionBy: '--version',
    version: /(?<=Version: )[\d.]+/,
    formats: ['avif'],
    args: (from, to) => ['--no-strict', '--upsampling', 'bilinear', from, to],
  },
  {
    program: 'djxl',
    versionBy: '--version',
    version: /v[\d.]+/,
    formats: ['jxl'],
    args: (from, to) => [from, to],
  },
  {
    program: 'opj_decompress',
    versionBy: '-h',
    version: /openjp2 library v[\d.]+\d/,
    formats: ['jp2'],
    args: (from, to) => ['-quiet', '-i', from, '-o', to],
  },
];
const IN_PYTHON = [
  { name: 'tifffile', formats: ['tiff'] },
  { name: 'psd-tools', formats: ['psd'] },
  { name: 'pillow-jxl', formats: ['jxl'] },
  { name: 'ffmpeg', formats: ['psd', 'tiff', 'bmp', 'jp2', 'png', 'gif', 'avif'] },
];
const LIMIT_MS = 30_000;
const run = promisify(execFile);

export async function startThirdReaders(
  python: string,
  chromium: Pick<Chromium, 'show'>,
  maxPixels: number,
): Promise<ThirdReaders> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-third-'));
  const readers = [...(await programs(folder, chromium)), ...(await scripts(python, maxPixels))];
  return {
    found: readers.map(({ name }) => name),
    async show(path, format) {
      const shown = [];
      for (const reader of readers.filter(({ formats }) => formats.includes(format)))
        shown.push({ by: reader.name, shown: await reader.show(path) });
      return shown;
    },
    close() {
      for (const reader of readers) reader.close?.();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function programs(folder: string, chromium: Pick<Chromium, 'show'>): Promise<Reader[]> {
  const srgb = join(folder, 'srgb.icc');
  const plain = sharp({ create: { width: 1, height: 1, channels: 3, background: '#fff' } });
  const { icc } = await sharp(await plain.withIccProfile('srgb').png().toBuffer()).metadata();
  writeFileSync(srgb, icc as Buffer);
  const found = PROGRAMS.map(async ({ program, versionBy, version, formats, args }): Promise<Reader[]> => {
    // opj_decompress tells its version and fails.
    const told = await run(program, [versionBy], { timeout: LIMIT_MS }).catch((error) => error);
    const [name] = version.exec(`${told.stdout}${told.stderr}`) ?? [];
    if (!name) return [];
    const show = async (path: string): Promise<Shown> => {
      const to = join(folder, 'shown.png');
      rmSync(to, { force: true });
      try {
        await run(program, args(path, to, srgb), { timeout: LIMIT_MS });
        return await chromium.show(readFileSync(to), 'png');
      } catch (error) {
        return { why: String((error as { stderr?: string }).stderr || error).slice(0, 100) };
      }
    };
    return [{ name: `${program} (${name})`, formats, show }];
  });
  return (await Promise.all(found)).flat();
}

async function scripts(python: string, maxPixels: number): Promise<Reader[]> {
  const started = IN_PYTHON.map(async ({ name, formats }): Promise<Reader[]> => {
    const decoder = await startPython(python, 'third.py', maxPixels, name);
    return decoder ? [{ name: decoder.version, formats, show: decoder.show, close: decoder.close }] : [];
  });
  return (await Promise.all(started)).flat();
}
