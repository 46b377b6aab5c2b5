import { existsSync } from 'node:fs';

/** Why a test is skipped that needs programs of the system, or false. CI fails on skipped tests. */
function without(programs: readonly string[], rights = true): false | string {
  const missing = programs.filter(
    (name) => !['/usr/bin', '/bin', '/usr/sbin'].some((at) => existsSync(`${at}/${name}`)),
  );
  if (missing.length > 0) return `${missing.join(', ')} not installed (docs/tests.md)`;
  return rights ? false : 'needs to mount a small disk, so it runs as root only';
}

export const prometheusSkip = without(['prometheus', 'promtool']);
/** For disks that fill up or become read-only. */
export const mountSkip = without(['mount', 'umount'], process.getuid?.() === 0);
/** For processes without a file descriptor left. */
export const prlimitSkip = without(['prlimit']);
