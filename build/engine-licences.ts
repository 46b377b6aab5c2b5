import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Crate {
  readonly name: string;
  readonly version: string;
  readonly license: string | null;
  readonly source: string | null;
  readonly manifest_path: string;
}

const TEXTS = '{,vendor/}{LICEN[CS]E,COPYING,PATENTS,UNLICENSE,NOTICE}*';

/** The crates that the engine is made of, and the C libraries in two of them: names, licences and their texts. */
export function engineLicences(home: string): string {
  const platform = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
  const arguments_ = ['metadata', '--locked', '--format-version=1', `--filter-platform=${platform}`];
  const told = execFileSync('cargo', arguments_, { cwd: home, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const crates = (JSON.parse(told) as { packages: Crate[] }).packages.filter(({ source }) => source !== null);
  const parts = crates.map(({ name, version, license, manifest_path }) => {
    const folder = dirname(manifest_path);
    const texts = globSync(TEXTS, { cwd: folder }).sort();
    const text = texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    return `${name} ${version}, ${license ?? 'no licence'}\n\n${text}`.trim();
  });
  return `${parts.sort().join(`\n\n${'-'.repeat(72)}\n\n`)}\n`;
}

/** Of that text: name, version and licence of each crate. */
export function licenceHeads(text: string): { name: string; version: string; licence: string }[] {
  const heads = text.matchAll(/^([a-z][\w-]*) (\d+\.\d+\.\d+\S*), (.+)$/gm);
  return Array.from(heads, ([, name = '', version = '', licence = '']) => ({ name, version, licence }));
}
