import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ENGINE } from '../../../src/render/engine/engine.ts';
import { engineFromPackage } from '../../../src/render/engine/load.ts';

/** What is found of such a package. */
function found(files: Record<string, string>, here = 'linux-x64') {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-engine-'));
  try {
    const home = join(folder, 'node_modules/@darkroom-images/engine-linux-x64');
    mkdirSync(home, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text);
    return engineFromPackage(createRequire(join(folder, 'server.cjs')), here);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const manifest = (version: string) => JSON.stringify({ version, main: 'darkroom-engine.node' });

describe('an engine that is no package', () => {
  it('is nothing to speak of', () => {
    assert.deepEqual(found({}), {});
    assert.deepEqual(found({ 'darkroom-engine.node': '' }), {});
  });
});

describe('the package of an engine', () => {
  const refusal = (...args: Parameters<typeof found>) => {
    const { engine, refused } = found(...args);
    assert.equal(engine, undefined);
    return refused;
  };

  it('is refused where it is of another version, and its code is not run', () => {
    for (const version of ['1.0.0', '9.0.0', `${ENGINE}-rc`])
      assert.equal(
        refusal({ 'package.json': manifest(version), 'darkroom-engine.node': 'not looked at' }),
        `@darkroom-images/engine-linux-x64 is of version ${version}, and this server takes ${ENGINE}, so sharp renders all`,
      );
  });

  it('is refused on another platform', () => {
    for (const here of ['linux-arm64', 'darwin-arm64', 'win32-x64'])
      assert.equal(
        refusal({ 'package.json': manifest(ENGINE) }, here),
        `@darkroom-images/engine-linux-x64 is not for ${here}, so sharp renders all`,
      );
  });

  it('is refused where it cannot be loaded or read', () => {
    const head = '@darkroom-images/engine-linux-x64 cannot be';
    // ELF for arm64 (e_machine 183), as a folder that was copied from another machine has it.
    const elf = `\x7FELF\x02\x01\x01${'\0'.repeat(9)}\x03\0\xB7\0`;
    for (const addon of ['', 'text', elf])
      assert.ok(refusal({ 'package.json': manifest(ENGINE), 'darkroom-engine.node': addon })?.startsWith(head), addon);
    assert.ok(refusal({ 'package.json': manifest(ENGINE) })?.startsWith(head));
    for (const broken of ['', '{', 'null', '[]', '{"version":{}}'])
      assert.match(
        refusal({ 'package.json': broken }) ?? '',
        /^@darkroom-images\/engine-linux-x64 .*so sharp renders all$/,
      );
  });
});
