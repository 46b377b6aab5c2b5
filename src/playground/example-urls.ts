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

/** The settings that decide what is printed. */
interface ExampleUrlsSettings {
  readonly production: boolean;
  readonly playground: boolean;
  /** `path` of a folder. */
  readonly originals: { readonly kind: string; readonly path?: string };
  readonly pathPrefix: string;
}

/** Prints, to a developer's terminal after the start, where to look first, and three signed URLs of the originals' folder. */
export async function printExampleUrls(
  { production, playground, originals: { path: folder }, pathPrefix }: ExampleUrlsSettings,
  { address, presets, signatures }: ExampleUrlsOptions,
): Promise<void> {
  if (production) return;
  const server = `http://localhost:${new URL(address).port}`;
  const ids = folder === undefined ? [] : await pictureIds(folder);
  const examples = new Set(
    Array.from({ length: EXAMPLES }, (_, at) => {
      const [id = '', preset = ''] = [ids[at % ids.length], presets[at % presets.length]];
      const signature = signatures.sign({ preset, id, expiresAt: undefined });
      return `  ${server}${pathPrefix}${formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined })}`;
    }),
  );
  const shown = ids.length > 0 && presets.length > 0 ? ['Signed URLs:', ...examples] : [];
  const empty = folder !== undefined && ids.length === 0 ? [`There is no picture in ${folder} yet.`] : [];
  const lines = [`Open ${server}${playground ? '/playground' : '/health'}`, ...shown, ...empty];
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
}
