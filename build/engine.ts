/**
 * `npm run build:engine`: builds the native engine in engine/ and lays it where the server looks for it. On Linux, x86-64; needs cargo of
 * Rust 1.88 or later, a C compiler and nasm (Debian: gcc libc6-dev nasm). Without it, all pictures are rendered by sharp. On arm64 it ran
 * under emulation alone (engine/README.md), so it is built there with ENGINE_ARM64=untested only; its tests run without that.
 * `npm run test:engine` (with `test` behind it) runs its own tests with the same settings, so that no C code is compiled twice.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { engineLicences } from './engine-licences.ts';

const root = join(import.meta.dirname, '..');
const home = join(root, 'engine');
const native = join(root, 'src/render/engine/native');
const BUILD_LIMIT_MS = 15 * 60_000;

const testing = process.argv[2] === 'test';
const arm64 = process.arch === 'arm64';
if (process.platform !== 'linux' || !(arm64 || process.arch === 'x64'))
  throw new Error('the engine is for Linux on x86-64, and on trial on arm64');
if (arm64 && !testing && process.env.ENGINE_ARM64 !== 'untested')
  throw new Error('the engine never ran on an arm64 machine: ENGINE_ARM64=untested builds it all the same');
try {
  if (!arm64) execFileSync('nasm', ['-v'], { stdio: 'ignore' });
} catch (cause) {
  // Without it, libjpeg is built without its fast transforms.
  throw new Error('nasm is not installed', { cause });
}
const command = testing ? ['test', '--no-default-features'] : ['build', ...(arm64 ? ['--features=arm64'] : [])];
const branches = arm64 ? '-mbranch-protection=standard' : '-fcf-protection';
execFileSync('cargo', [...command, '--release', '--locked'], {
  cwd: home,
  stdio: 'inherit',
  timeout: BUILD_LIMIT_MS,
  env: {
    ...process.env,
    // mozjpeg would write the time of its build into itself.
    SOURCE_DATE_EPOCH: '0',
    CFLAGS: `-fstack-protector-strong -D_FORTIFY_SOURCE=2 ${branches}`,
    RUSTFLAGS: `--remap-path-prefix=${home}=engine -C link-arg=-Wl,-z,relro,-z,now,-z,noexecstack`,
    CARGO_TARGET_DIR: join(home, 'target'),
  },
});
if (testing) process.exit();
rmSync(native, { recursive: true, force: true });
mkdirSync(native);
copyFileSync(join(home, 'target/release/libdarkroom_engine.so'), join(native, 'darkroom-engine.node'));
writeFileSync(join(native, 'licences.txt'), engineLicences(home));
process.stdout.write('The common JPEG is rendered by the engine now\n');
