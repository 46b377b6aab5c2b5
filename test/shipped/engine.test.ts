import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ENGINE } from '../../src/render/engine/engine.ts';
import { engineSkip } from '../helpers/engine.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
/** Licences under which a binary may be shipped with its notices alone. */
const ALLOWED = /^(MIT(-0)?|Apache-2\.0|CC0-1\.0|ISC|Zlib|IJG|BSD-3-Clause|Unlicense|Unicode-3\.0|OR|AND|[()]|\s)+$/;

describe('the engine', () => {
  const crates = read('engine/Cargo.lock').split('[[package]]').slice(1);

  it('is made of crates of one registry, by their checksums', () => {
    const foreign = crates.filter((crate) => !/^name = "darkroom-engine"$/m.test(crate));
    assert.ok(foreign.length > 20 && foreign.length === crates.length - 1);
    for (const crate of foreign) {
      assert.match(crate, /^source = "registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index"$/m);
      assert.match(crate, /^checksum = "[0-9a-f]{64}"$/m);
    }
  });

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
    assert.deepEqual(own.sort(), ['src/codecs.rs', 'src/lanczos_avx2.rs']);
  });

  it('is shipped with the licences of all that is in it', { skip: engineSkip }, () => {
    const heads = Array.from(
      read('src/render/engine/native/licences.txt').matchAll(/^([a-z][\w-]+) (\d+\.\d+\.\d+\S*), (.+)$/gm),
    );
    for (const crate of ['mozjpeg-sys', 'libwebp-sys', 'napi'])
      assert.ok(
        heads.some(([, name]) => name === crate),
        crate,
      );
    for (const [, name, , licence] of heads) assert.match(licence ?? '', ALLOWED, name);
  });
});
