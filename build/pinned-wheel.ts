import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

/** Long, because a registry may be slow. */
const DOWNLOAD_LIMIT_MS = 300_000;

/** Downloads the one wheel of `build/<pins>`, which its hash pins, and unpacks it into an empty folder. `which`: pip's options for another system. */
export function unpackPinnedWheel(pins: string, folder: string, which: readonly string[] = []): void {
  const wheel = [...which, '--only-binary=:all:', '--no-deps'];
  const pinned = ['--require-hashes', '--requirement', join(import.meta.dirname, pins)];
  const quietly = ['--quiet', '--disable-pip-version-check', '--no-cache-dir'];
  python('pip', 'download', ...quietly, ...wheel, ...pinned, '--dest', folder);
  const [file = ''] = globSync('*.whl', { cwd: folder });
  python('zipfile', '-e', join(folder, file), folder);
}

function python(...module: string[]): void {
  execFileSync('python3', ['-m', ...module], { stdio: 'inherit', timeout: DOWNLOAD_LIMIT_MS });
}
