import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { licenceHeads } from '../../build/engine-licences.ts';
import { ENGINE } from '../../src/render/engine/engine.ts';
import { engineSkip } from '../helpers/engine.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the engine', () => {
  it('names its own version where keys promise it', () => {
    assert.ok(read('engine/Cargo.toml').includes(`\nversion = "${ENGINE}"\n`));
  });

  it('has dependencies of one version each, and names those with C code in NOTICE', () => {
    const table = /\n\[dependencies\]\n(.*)\n# Without/s.exec(read('engine/Cargo.toml'))?.[1] ?? '';
    const versions = table.split('\n').flatMap((line) => /"(=?[\d.]+[^"]*)"/.exec(line)?.[1] ?? []);
    assert.equal(versions.length, 4);
    for (const version of versions) assert.match(version, /^=/);
    for (const [, name, version] of table.matchAll(/^(\S+-sys) = \{ version = "=([^"]+)"/gm))
      assert.ok(read('NOTICE').replace(/\s+/g, ' ').includes(`${name} ${version}`), name);
  });

  it('is unsafe in two files alone', () => {
    const home = new URL('../../engine/', import.meta.url);
    const own = globSync('{src,examples}/**/*.rs', { cwd: home }).filter((file) =>
      /\bunsafe\b(?!_)/.test(readFileSync(new URL(file, home), 'utf8')),
    );
    assert.deepEqual(own.sort(), ['src/codecs.rs', 'src/simd.rs']);
  });

  it('is shipped with the licences of all that is in it', { skip: engineSkip }, () => {
    const heads = licenceHeads(read('src/render/engine/native/licences.txt'));
    for (const crate of ['mozjpeg-sys', 'libwebp-sys', 'napi'])
      assert.ok(
        heads.some(({ name }) => name === crate),
        crate,
      );
  });

  it('stands in the bill of materials with every crate, beside the packages of npm', { skip: engineSkip }, () => {
    const file = join(mkdtempSync(join(tmpdir(), 'darkroom-sbom-')), 'sbom.cdx.json');
    execFileSync('node', [fileURLToPath(new URL('../../build/sbom.ts', import.meta.url)), file]);
    const bill: { components: { purl: string; 'bom-ref': string }[] } = JSON.parse(readFileSync(file, 'utf8'));
    rmSync(dirname(file), { recursive: true });
    const purls = bill.components.map(({ purl }) => purl);
    assert.equal(new Set(bill.components.map((each) => each['bom-ref'])).size, bill.components.length);
    for (const { name, version } of licenceHeads(read('src/render/engine/native/licences.txt')))
      assert.ok(purls.includes(`pkg:cargo/${name}@${version}`), name);
    for (const own of ['pkg:npm/sharp@', 'pkg:cargo/mozjpeg-sys@', 'pkg:generic/libwebp@'])
      assert.ok(
        purls.some((purl) => purl.startsWith(own)),
        own,
      );
  });
});
