import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Code as an edge runtime gets it: bundled, minified, and unable to reach Node. Paths are those of the repository. */
export function bundleForEdge(contents: string, options: BuildOptions = {}): Promise<string> {
  return bundle(contents, { format: 'esm', platform: 'neutral', target: 'es2023', minify: true, ...options });
}

export async function bundle(contents: string, options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'tsx' },
    ...{ bundle: true, write: false, conditions: ['development'], logLevel: 'silent', jsx: 'automatic' },
    ...options,
  });
  return outputFiles?.[0]?.text ?? '';
}
