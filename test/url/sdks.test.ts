import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { ROOT } from '../helpers/edge.ts';
import { lineOf, lineOfBytes, refusals, type SdkCall } from '../helpers/sdk-calls.ts';
import { type Command, PACKAGES, toolchainSkip } from '../helpers/toolchains.ts';
import { calls, vectors } from '../helpers/vectors.ts';

const run = promisify(execFile);
const sdk = (path: string) => join(ROOT, 'sdks', path);
const runner = (name: string) => join(ROOT, 'test/url/sdks', name);

interface Language {
  readonly file: string;
  readonly needs: readonly Command[];
  /** What runs the calls; compiles into the folder where that is needed. */
  readonly prepare: (folder: string) => Promise<readonly [command: string, ...args: string[]]>;
  /** Its texts are bytes, so that one may be no UTF-8. */
  readonly bytes: boolean;
}

const script = (command: Command, ...args: string[]) => ({
  needs: [command],
  prepare: async () => [command, ...args] as const,
});

const LANGUAGES: Readonly<Record<string, Language>> = {
  PHP: { file: 'php/Darkroom.php', ...script('php', runner('run.php')), bytes: true },
  Python: { file: 'python/darkroom.py', ...script('python3', runner('run.py')), bytes: true },
  Ruby: { file: 'ruby/darkroom.rb', ...script('ruby', '-w', runner('run.rb')), bytes: true },
  Elixir: { file: 'elixir/darkroom.ex', ...script('elixir', runner('run.exs')), bytes: true },
  shell: {
    ...{ file: 'shell/darkroom.sh', needs: ['bash', 'openssl'], bytes: true },
    prepare: async () => ['bash', runner('run.sh'), sdk('shell/darkroom.sh')],
  },
  Go: {
    ...{ file: 'go/darkroom.go', needs: ['go'], bytes: true },
    async prepare(folder) {
      await mkdir(join(folder, 'darkroom'));
      await cp(sdk('go/darkroom.go'), join(folder, 'darkroom/darkroom.go'));
      await cp(runner('run.go'), join(folder, 'main.go'));
      await writeFile(join(folder, 'go.mod'), 'module example\n\ngo 1.18\n');
      // The standard library alone: neither another toolchain nor a module is fetched.
      const env = { ...process.env, GOTOOLCHAIN: 'local', GOPROXY: 'off', GOFLAGS: '' };
      await run('go', ['build', '-o', 'run', '.'], { cwd: folder, env });
      return [join(folder, 'run')];
    },
  },
  Java: {
    ...{ file: 'java/Darkroom.java', needs: ['javac'], bytes: false },
    async prepare(folder) {
      const flags = ['--release', '11', '-Xlint:all', '-Xlint:-options', '-Werror'];
      await run('javac', [...flags, '-d', folder, sdk('java/Darkroom.java'), runner('Run.java')]);
      return ['java', '-cp', folder, 'Run'];
    },
  },
  Rust: {
    ...{ file: 'rust/darkroom.rs', needs: ['rustc'], bytes: true },
    async prepare(folder) {
      const program = join(folder, 'run');
      await run('rustc', ['--edition', '2021', '-D', 'warnings', '-o', program, runner('run.rs')]);
      return [program];
    },
  },
  'C#': {
    ...{ file: 'csharp/Darkroom.cs', needs: ['mcs', 'mono'], bytes: false },
    async prepare(folder) {
      const program = join(folder, 'run.exe');
      await run('mcs', ['-warnaserror', `-out:${program}`, sdk('csharp/Darkroom.cs'), runner('Run.cs')]);
      return ['mono', program];
    },
  },
};

/** One answer a line of the calls. */
async function answersOf([command, ...args]: readonly [string, ...string[]], lines: readonly string[]) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: 100_000 });
  child.stdin.end(`${lines.join('\n')}\n`);
  const output = await text(child.stdout);
  return output.replace(/\n$/, '').split('\n');
}

const paths: readonly (SdkCall & { path: string })[] = [
  ...vectors,
  ...calls.map(({ key, preset, shape, id, path, options: { pixelRatio, width, format, expiresAt } }) => ({
    ...{ key, preset, id, path, ownFormat: shape?.format },
    suffix: `${width ? `@${width}w` : pixelRatio ? `@${pixelRatio}x` : ''}${format ? `.${format}` : ''}`,
    expiresAt: typeof expiresAt === 'number' ? expiresAt : null,
  })),
];
const BROKEN_UTF8 = ['ff', 'c328', '61eda080', 'c0ae', 'f4908080'];

for (const [language, { file, needs, prepare, bytes }] of Object.entries(LANGUAGES))
  describe(`the signer in ${language}`, { skip: toolchainSkip(needs) }, () => {
    let folder: string;
    let command: readonly [string, ...string[]];
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'darkroom-sdk-'));
      command = await prepare(folder);
    });
    after(() => rm(folder, { recursive: true }));

    it(`writes every published path, and refuses what every signer refuses by a sentence (sdks/${file})`, async () => {
      const broken = bytes ? BROKEN_UTF8 : [];
      const answers = await answersOf(command, [
        ...paths.map(lineOf),
        ...refusals.map(lineOf),
        ...broken.map(lineOfBytes),
      ]);
      assert.deepEqual(
        answers.slice(0, paths.length),
        paths.map(({ path }) => path),
      );
      const refused = answers.slice(paths.length);
      assert.equal(refused.length, refusals.length + broken.length, 'one line each');
      for (const [at, { name, names }] of refusals.entries())
        assert.match(refused[at] ?? '', new RegExp(`^! .*${names}`, 'i'), name);
      for (const answer of refused.slice(refusals.length)) assert.match(answer, /^! .*cannot be the id/);
    });
  });

describe('the signer in docs/other-languages.md', { skip: toolchainSkip(['bash', 'openssl']) }, () => {
  it('writes every published path', async () => {
    const code = /```bash\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/other-languages.md'), 'utf8'))?.[1] ?? '';
    assert.equal(code.trim().split('\n').length, 12);
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-readme-signer-'));
    await writeFile(join(folder, 'signer.sh'), code);
    const answers = await answersOf(
      ['bash', runner('run.sh'), join(folder, 'signer.sh'), 'sorted'],
      vectors.map(lineOf),
    );
    assert.deepEqual(
      answers,
      vectors.map(({ path }) => path),
    );
    await rm(folder, { recursive: true });
  });
});

describe('sdks/', () => {
  it('has one file a language, and each is run here', () => {
    const files = Object.values(LANGUAGES).map(({ file }) => file);
    assert.deepEqual(globSync('*/*', { cwd: join(ROOT, 'sdks') }).sort(), files.sort());
    const readme = readFileSync(join(ROOT, 'sdks/README.md'), 'utf8');
    for (const file of files) assert.ok(readme.includes(`](${file})`), file);
  });

  it('has its languages installed by CI', () => {
    const ci = readFileSync(join(ROOT, '.ci/run'), 'utf8');
    const languages = Object.entries(PACKAGES).filter(([command]) => command !== 'bash' && command !== 'openssl');
    for (const [command, name] of languages) assert.ok(ci.includes(` ${command}:${name}`), command);
    assert.match(ci, /TEST_REQUIRE_SDKS=1/);
  });
});
