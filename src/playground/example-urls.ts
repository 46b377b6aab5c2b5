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

export interface ExampleUrlsOptions {
  /** Where the server listens. */
  readonly address: string;
  readonly presets: readonly string[];
  readonly signatures: Signatures;
}

/** The settings that decide whether and which URLs are printed. */
interface ExampleUrlsSettings {
  readonly production: boolean;
  /** `path` of a folder. */
  readonly originals: { readonly kind: string; readonly path?: string };
  readonly pathPrefix: string;
}

/** Prints signed URLs for the first pictures of the originals' folder to a developer's terminal after the start. */
export async function printExampleUrls(
  { production, originals: { path: folder }, pathPrefix }: ExampleUrlsSettings,
  { address, presets, signatures }: ExampleUrlsOptions,
): Promise<void> {
  if (production || folder === undefined) return;
  const baseUrl = `http://localhost:${new URL(address).port}${pathPrefix}`;
  const ids = (await pictureIds(folder)).slice(0, EXAMPLES);
  if (ids.length === 0) return void process.stdout.write(`\nThere is no picture in ${folder} yet.\n`);
  const lines = ids.flatMap((id) => [
    `\n${id}`,
    ...presets.map((preset) => {
      const signature = signatures.sign({ preset, id, expiresAt: undefined });
      const path = formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined });
      return `  ${preset.padEnd(14)} ${baseUrl}${path}`;
    }),
  ]);
  process.stdout.write(`\nSigned URLs to open:\n${lines.join('\n')}\n\n`);
}
