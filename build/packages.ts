/**
 * `node build/packages.ts [name ...]`: makes `dist/` of the packages that storefronts install, for ES modules and CommonJS,
 * with types for both.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { ES_ONLY, PACKAGES, type PackageName } from './package-sources.ts';

const root = join(import.meta.dirname, '..');
const asked = process.argv.slice(2);
const names = Object.keys(PACKAGES).filter((name) => asked.length === 0 || asked.includes(name)) as PackageName[];

async function buildPackage(name: PackageName): Promise<void> {
  const { sources, entries } = PACKAGES[name];
  const home = join(root, 'packages', name);
  const dist = join(home, 'dist');
  rmSync(dist, { recursive: true, force: true });
  const components = join(home, 'components');
  if (existsSync(components)) cpSync(components, dist, { recursive: true });
  const files = Object.values<string>(entries).map((entry) => join(root, sources, entry));
  const shared: BuildOptions = {
    ...{ bundle: true, minify: true, platform: 'neutral', target: 'es2022', jsx: 'automatic', outdir: dist },
    external: ['node:crypto', 'react', 'react/jsx-runtime', 'next/image', '@darkroom-images/*'],
  };
  await build({ ...shared, entryPoints: files, outbase: join(root, sources), format: 'esm', splitting: true });
  const required = files.filter((file) => !ES_ONLY.test(file));
  if (required.length > 0)
    await buildCommonJs(shared, required, (file) =>
      join(dist, relative(join(root, sources), file)).replace(/\.tsx?$/, '.cjs'),
    );
  for (const file of files) keepDirective(file, join(dist, relative(join(root, sources), file)).replace(/\.tsx?$/, ''));

  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(home, 'tsconfig.json')], { stdio: 'inherit' });
  liftTypes(dist, name);
  // What stands in for another entry has that one's types.
  const typed = files.filter((file) => !/without-key/.test(file));
  const declarationOf = (file: string) => join(dist, relative(join(root, sources), file)).replace(/\.tsx?$/, '.d.ts');
  trimTypes(dist, new Set([...typed.map(declarationOf), ...globSync(join(dist, 'index.d.ts'))]));
  for (const file of typed) if (!ES_ONLY.test(file)) typesOfCommonJs(declarationOf(file));
}

/** esbuild splits ES modules alone, so what the entries share would stand in each: all of them are one file, with a door each. */
async function buildCommonJs(shared: BuildOptions, files: readonly string[], doorOf: (file: string) => string) {
  const namesOf = (file: string) => exportedValues(readFileSync(file, 'utf8'));
  const all = files
    .flatMap((file, at) => namesOf(file).map((name) => `export { ${name} as ${name}${at} } from '${file}';`))
    .join('\n');
  const outfile = join(shared.outdir ?? '', 'all.cjs');
  const { outdir, ...options } = shared;
  await build({ ...options, stdin: { contents: all, resolveDir: root }, outfile, format: 'cjs' });
  for (const [at, file] of files.entries()) {
    const door = doorOf(file);
    const path = relative(dirname(door), outfile);
    // Assigned one by one, so that Node finds the names when an ES module imports them.
    const lines = namesOf(file).map((name) => `exports.${name}=a.${name}${at};`);
    writeFileSync(door, `const a=require("${path.startsWith('.') ? path : `./${path}`}");${lines.join('')}\n`);
  }
}

/** Types of sources that share files with other packages: from below the folder of all packages to where the code is. */
function liftTypes(dist: string, name: PackageName): void {
  if (!existsSync(join(dist, name))) return;
  for (const file of globSync(`${name}/src/*.d.ts`, { cwd: dist })) {
    const text = readFileSync(join(dist, file), 'utf8').replaceAll('../../shared/src/', './shared/');
    writeFileSync(join(dist, basename(file)), text);
  }
  rmSync(join(dist, name), { recursive: true });
  if (!existsSync(join(dist, 'shared/src'))) return;
  cpSync(join(dist, 'shared/src'), join(dist, 'shared'), { recursive: true });
  rmSync(join(dist, 'shared/src'), { recursive: true });
}

/** `'use client'` must be the first thing that a bundler sees. */
function keepDirective(source: string, out: string): void {
  if (!readFileSync(source, 'utf8').startsWith("'use client';")) return;
  for (const file of [`${out}.js`, `${out}.cjs`]) writeFileSync(file, `"use client";${readFileSync(file, 'utf8')}`);
}

/** Names of functions and constants that a source or its types export. */
function exportedValues(text: string): string[] {
  const own = Array.from(
    text.matchAll(/^export (?:declare )?(?:async )?(?:function|const) (\w+)/gm),
    ([, name = '']) => name,
  );
  return [...own, ...listed(text, /^export \{([^}]*)\}/gm).filter((name) => !name.startsWith('type '))];
}

function exportedTypes(text: string): string[] {
  const own = Array.from(text.matchAll(/^export (?:declare )?(?:interface|type) (\w+)/gm), ([, name = '']) => name);
  const beside = listed(text, /^export \{([^}]*)\}/gm).filter((name) => name.startsWith('type '));
  return [...own, ...listed(text, /^export type \{([^}]*)\}/gm), ...beside.map((name) => name.slice('type '.length))];
}

function listed(text: string, statement: RegExp): string[] {
  const names = Array.from(text.matchAll(statement), ([, inner = '']) => inner.split(',')).flat();
  return names.map((name) => name.trim()).filter(Boolean);
}

const RELATIVE = /(?<=(?:from|import\()\s*["'])(\.\.?\/[^"']+?)\.tsx?(?=["'])/g;
/** A function that no entry exports, with its comment. */
const FUNCTION =
  /(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export declare function (\w+)[\s\S]*?;\n(?=export|import|declare|interface|type|\/\*\*|$)/g;

/** A constant on one line, with its comment. */
const CONSTANT = /(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export declare const (\w+)[^\n]*;\n/g;

/** Leaves out the declarations of what storefronts cannot import. */
function trimTypes(dist: string, entries: ReadonlySet<string>): void {
  const all = globSync('**/*.d.ts', { cwd: dist }).map((file) => join(dist, file));
  const text = new Map(
    all.map((file) => [
      file,
      readFileSync(file, 'utf8')
        .replace(RELATIVE, '$1.js')
        .replace(/^( {4})+/gm, (by) => ' '.repeat(by.length / 4)),
    ]),
  );
  const published = new Set([...entries].flatMap((entry) => exportedValues(text.get(entry) ?? '')));
  for (const file of all) {
    if (entries.has(file)) continue;
    const kept = (text.get(file) ?? '').replace(FUNCTION, (declaration, name) =>
      published.has(name) ? declaration : '',
    );
    text.set(file, kept);
  }
  const mentions = (name: string) => [...text.values()].join('\n').match(new RegExp(`\\b${name}\\b`, 'g'))?.length ?? 0;
  for (const file of all) {
    if (entries.has(file)) continue;
    text.set(
      file,
      (text.get(file) ?? '').replace(CONSTANT, (line, name) => (mentions(name) > 1 ? line : '')),
    );
  }
  const needed = reachable([...entries], text);
  for (const file of all) {
    if (needed.has(file)) writeFileSync(file, text.get(file) ?? '');
    else rmSync(file);
  }
}

function reachable(
  files: readonly string[],
  text: ReadonlyMap<string, string>,
  found = new Set<string>(),
): Set<string> {
  for (const file of files) {
    if (found.has(file) || !text.has(file)) continue;
    found.add(file);
    const imports = text.get(file)?.matchAll(/(?:from |import\()["'](\.[^"']+)\.js["']/g) ?? [];
    reachable(
      Array.from(imports, ([, to = '']) => join(dirname(file), `${to}.d.ts`)),
      text,
      found,
    );
  }
  return found;
}

/** Types of an entry for `require`: those of the ES module, under its names. */
function typesOfCommonJs(file: string): void {
  const text = readFileSync(file, 'utf8');
  const from = `'./${basename(file).replace(/\.d\.ts$/, '.js')}' with { 'resolution-mode': 'import' };`;
  const values = exportedValues(text).map((name) => `export declare const ${name}: typeof esm.${name};`);
  const lines = [
    `import type * as esm from ${from}`,
    `export type { ${exportedTypes(text).join(', ')} } from ${from}`,
    ...values,
  ];
  writeFileSync(file.replace(/\.d\.ts$/, '.d.cts'), `${lines.join('\n')}\n`);
}

for (const name of names) await buildPackage(name);
