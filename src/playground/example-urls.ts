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

/** Prints signed URLs for the first pictures of the originals' folder to a developer's terminal after the start. */
export async function printExampleUrls(options: {
  /** Where the server listens. */
  address: string;
  folder: string;
  presets: readonly string[];
  signatures: Signatures;
}): Promise<void> {
  const baseUrl = `http://localhost:${new URL(options.address).port}`;
  const ids = (await pictureIds(options.folder)).slice(0, EXAMPLES);
  if (ids.length === 0) return void process.stdout.write(`\nThere is no picture in ${options.folder} yet.\n`);
  const lines = ids.flatMap((id) => [
    `\n${id}`,
    ...options.presets.map((preset) => {
      const signature = options.signatures.sign({ preset, id, expiresAt: undefined });
      const path = formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined });
      return `  ${preset.padEnd(14)} ${baseUrl}${path}`;
    }),
  ]);
  process.stdout.write(`\nSigned URLs to open:\n${lines.join('\n')}\n\n`);
}
