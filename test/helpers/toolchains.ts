import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian's package for each command. `.ci/run` installs those of commands that are not there. */
export const PACKAGES = {
  bash: 'bash',
  openssl: 'openssl',
  php: 'php-cli',
  python3: 'python3',
  ruby: 'ruby',
  go: 'golang-go',
  javac: 'default-jdk-headless',
  elixir: 'elixir',
  rustc: 'rustc',
  mcs: 'mono-mcs',
  mono: 'mono-runtime',
} as const;
export type Command = keyof typeof PACKAGES;

/**
 * The `skip` option of tests that run other languages: false, or the one line that says what is missing. Throws with
 * TEST_REQUIRE_SDKS, so that CI does not skip them.
 */
export function toolchainSkip(commands: readonly Command[]): false | string {
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length === 0) return false;
  const packages = missing.map((command) => PACKAGES[command]).join(' ');
  if (process.env.TEST_REQUIRE_SDKS === '1') throw new Error(`${missing} not found, and TEST_REQUIRE_SDKS is set`);
  return `no ${missing}: apt-get install -y --no-install-recommends ${packages}`;
}

function isInstalled(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
