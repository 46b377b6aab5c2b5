import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** Pages of the documentation, by their paths in the repository. */
export const PAGES = globSync('docs/**/*.md', { cwd: ROOT, exclude: (name) => /node_modules|\.vitepress/.test(name) })
  .filter((name) => !name.includes('['))
  .sort();
export const DOCUMENTS = [
  ...PAGES,
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'sdks/README.md', 'examples/README.md'],
];
export const PACKAGE_READMES = globSync('packages/*/README.md', { cwd: ROOT }).sort();

/** A block that imports JSON without an attribute is for frameworks, which bundle it or compile it to CommonJS. */
const modulesOf = (code: string) =>
  code.includes(".json' with") ? ['esm'] : /from '[^']+\.json'/.test(code) ? ['cjs'] : ['esm', 'cjs'];

/** What frameworks that are not installed here declare; examples/ compiles with the frameworks themselves. */
const FRAMEWORKS = `
declare function defineNuxtConfig(config: object): object;
declare function defineEventHandler<T>(handler: () => T): () => T;
declare module '$env/dynamic/private' { export const env: Record<string, string | undefined>; }
declare module '$lib/presets.json' {
  const presets: { card: { width: number; height: number; fit: string; widths: number[] } };
  export default presets;
}
declare module '@unpic/react/base' { export function Image(props: Record<string, unknown>): import('react').ReactElement; }
`;

/** Code blocks in TypeScript of all documents, as files of their own. */
function blocks() {
  return [...DOCUMENTS, ...PACKAGE_READMES].flatMap((name) =>
    Array.from(read(name).matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm), ([, language = '', code = ''], index) => ({
      file: `${name.replaceAll(/\W/g, '-')}-${index}.${language}`,
      code: /^(import|export) /m.test(code) ? code : `${code}export {};\n`,
    })),
  );
}

/**
 * Compiles the code of all documents by `tsc --strict`, once for each way to resolve modules. `folder`: a project that has what
 * they import in node_modules. Resolves to the number of blocks, and what the compiler said.
 */
export async function compileDocumentedCode(folder: string): Promise<{ count: number; said: string }> {
  const found = blocks();
  const presets = { ...JSON.parse(read('examples/presets.json')), large: { width: 1200, height: 1200 } };
  let said = '';
  for (const [module, moduleResolution] of [
    ['preserve', 'bundler'],
    ['node16', 'node16'],
    ['nodenext', 'nodenext'],
  ] as const) {
    const compilerOptions = {
      ...{
        module,
        moduleResolution,
        strict: true,
        noEmit: true,
        target: 'es2024',
        jsx: 'react-jsx',
        skipLibCheck: true,
      },
      ...{ resolveJsonModule: true, esModuleInterop: true, types: ['node'], lib: ['es2024', 'dom', 'dom.iterable'] },
    };
    const project = join(folder, moduleResolution);
    for (const kind of ['esm', 'cjs']) {
      await mkdir(join(project, kind), { recursive: true });
      await writeFile(join(project, kind, 'package.json'), `{"type":"${kind === 'esm' ? 'module' : 'commonjs'}"}`);
      await writeFile(join(project, kind, 'presets.json'), JSON.stringify(presets));
      for (const { file, code } of found.filter(({ code }) => modulesOf(code).includes(kind))) {
        // TypeScript knows import attributes in nodenext and bundler; in node16 JSON is imported without.
        const written = moduleResolution === 'node16' ? code.replaceAll(" with { type: 'json' }", '') : code;
        await writeFile(join(project, kind, file), written);
      }
    }
    for (const at of [folder, project]) await writeFile(join(at, 'presets.json'), JSON.stringify(presets));
    await writeFile(join(project, 'frameworks.d.ts'), FRAMEWORKS);
    const config = join(project, 'tsconfig.json');
    await writeFile(config, JSON.stringify({ compilerOptions, include: ['esm', 'cjs', 'frameworks.d.ts'] }));
    const compiled = run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config]);
    said += await compiled.then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => `${moduleResolution}: ${stdout}${stderr}`,
    );
  }
  return { count: found.length, said };
}
