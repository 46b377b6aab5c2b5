import { readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import { formatImagePath } from '../url/image-path.ts';
import type { Signatures } from '../url/signature.ts';

const PICTURE = /\.(jpe?g|png|webp|gif|avif)$/i;
const EXAMPLES = 3;

/** Ids of the pictures in a folder and below it, sorted by name. Files and folders with a leading dot are left out. */
export async function pictureIds(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const visible = names.filter((name) => PICTURE.test(name) && !name.split(sep).some((part) => /^(\.|%2E)/.test(part)));
  return visible.map((name) => name.replaceAll(sep, '/')).sort();
}

/** Text for a developer's terminal after the start: signed URLs for the first pictures of the originals' folder. */
export async function exampleUrls(options: {
  baseUrl: string;
  folder: string;
  presets: readonly string[];
  signatures: Signatures;
}): Promise<string> {
  const ids = (await pictureIds(options.folder)).slice(0, EXAMPLES);
  if (ids.length === 0) return `There is no picture in ${options.folder} yet.`;
  const lines = ids.flatMap((id) => [
    `\n${id}`,
    ...options.presets.map((preset) => {
      const signature = options.signatures.sign({ preset, id, expiresAt: undefined });
      const path = formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined });
      return `  ${preset.padEnd(14)} ${options.baseUrl}${path}`;
    }),
  ]);
  return `Signed URLs to open:\n${lines.join('\n')}\n`;
}
