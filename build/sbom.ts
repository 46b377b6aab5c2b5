/**
 * `node build/sbom.ts FILE`: the bill of materials of the image as CycloneDX 1.5. npm names its packages; the native libraries that
 * were built beside the bundle, and what these are made of, are added where they are.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenceHeads } from './engine-licences.ts';

/** CycloneDX 1.5, "component". */
interface Component {
  readonly 'bom-ref': string;
  readonly type: 'library';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly [{ readonly expression: string }];
}

const root = join(import.meta.dirname, '..');

function component(kind: string, name: string, version: string, licence: string): Component {
  const purl = `pkg:${kind}/${name}@${version}`;
  return { 'bom-ref': purl, type: 'library', name, version, purl, licenses: [{ expression: licence }] };
}

/** Of the engine: each crate heads its licences, see engine-licences.ts. */
function crates(): Component[] {
  const file = join(root, 'src/render/engine/native/licences.txt');
  if (!existsSync(file)) return [];
  return licenceHeads(readFileSync(file, 'utf8')).flatMap(({ name, version, licence }) => {
    // The C library inside; that of mozjpeg-sys has no version of its own.
    const inside = name === 'libwebp-sys' ? [component('generic', 'libwebp', '1.6.0', 'BSD-3-Clause')] : [];
    return [component('cargo', name, version, licence), ...inside];
  });
}

function svtAv1(): Component[] {
  if (globSync('src/render/formats/svt-av1/*.so.*', { cwd: root }).length === 0) return [];
  const [, version = ''] = /SVT-AV1 (\S+) /.exec(readFileSync(join(root, 'build/svt-av1-wheel.txt'), 'utf8')) ?? [];
  return [component('generic', 'svt-av1', version, 'BSD-3-Clause-Clear AND BSD-2-Clause')];
}

const [target] = process.argv.slice(2);
if (!target) throw new Error('node build/sbom.ts FILE: the file is missing');
const OPTIONS = ['--omit=dev', '--workspaces=false', '--package-lock-only', '--sbom-format=cyclonedx'];
const told = execFileSync('npm', ['sbom', ...OPTIONS], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const bill: { components: object[] } = JSON.parse(told);
bill.components.push(...crates(), ...svtAv1());
writeFileSync(target, `${JSON.stringify(bill, null, 2)}\n`);
