import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { PACKAGES } from '../../build/package-sources.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Code as an edge runtime gets it: bundled, minified, and unable to reach Node. Paths are those of the repository. */
export function bundleForEdge(contents: string, options: BuildOptions = {}): Promise<string> {
  return bundle(contents, { format: 'esm', platform: 'neutral', target: 'es2023', minify: true, ...options });
}

/** The packages as their sources: the examples import them as a storefront does. */
const alias = Object.fromEntries(
  Object.entries(PACKAGES).flatMap(([name, { sources, entries }]) =>
    Object.entries(entries).map(([entry, file]) => [join('@darkroom-images', name, entry), join(ROOT, sources, file)]),
  ),
);

export async function bundle(contents: string, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'tsx' },
    ...{ bundle: true, write: false, alias, logLevel: 'silent', jsx: 'automatic' },
    ...options,
  });
  return outputFiles?.[0]?.text ?? '';
}
