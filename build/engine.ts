/**
 * `npm run build:engine`: builds the native engine in engine/ and lays it where the server looks for it. On Linux, x86-64; needs cargo of
 * Rust 1.88 or later, a C compiler and nasm (Debian: gcc libc6-dev nasm). Without it, all pictures are rendered by sharp.
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

if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the engine is for Linux on x86-64 only');
try {
  execFileSync('nasm', ['-v'], { stdio: 'ignore' });
} catch (cause) {
  // Without it, libjpeg is built without its fast transforms.
  throw new Error('nasm is not installed', { cause });
}
const testing = process.argv[2] === 'test';
const command = testing ? ['test', '--no-default-features'] : ['build'];
execFileSync('cargo', [...command, '--release', '--locked'], {
  cwd: home,
  stdio: 'inherit',
  timeout: BUILD_LIMIT_MS,
  env: {
    ...process.env,
    // mozjpeg would write the time of its build into itself.
    SOURCE_DATE_EPOCH: '0',
    CFLAGS: '-fstack-protector-strong -D_FORTIFY_SOURCE=2 -fcf-protection',
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
