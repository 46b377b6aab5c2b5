import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/process/config.ts';
import { readDockerfile, type Stage } from '../helpers/dockerfile.ts';
import { ROOT } from '../helpers/edge.ts';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const manifest = JSON.parse(read('package.json'));
const ignored = read('.dockerignore').split('\n');

/** hadolint's rules and this image's own promises; a sentence for each rule that is broken. */
function faultsOf(content: string): string[] {
  const stages = readDockerfile(content);
  const image = stages.at(-1);
  if (!image) return ['there is no stage'];
  const all = stages.flatMap(({ steps }) => steps);
  const has = (keyword: string) => image.steps.filter((step) => step.keyword === keyword);
  const place = (keyword: string) => image.steps.findLastIndex((step) => step.keyword === keyword);
  const runs = all.filter(({ keyword }) => keyword === 'RUN').map(({ text }) => text);
  const values = all
    .filter(({ keyword }) => /^(ENV|ARG)$/.test(keyword))
    .flatMap((step) => Object.entries(step.values));
  const user = image.steps[place('USER')]?.words[0] ?? 'root';
  const rules: [fine: boolean, fault: string][] = [
    [stages.every(isPinned), 'a base image has no full version'],
    [all.every(({ keyword }) => keyword !== 'ADD'), 'ADD fetches and unpacks; COPY does neither'],
    [all.every(({ keyword }) => !/^(MAINTAINER|ONBUILD|SHELL)$/.test(keyword)), 'an instruction is obsolete'],
    [runs.every((run) => !/\bsudo\b|\bapt (?!-)|curl|wget/.test(run)), 'RUN uses sudo, apt, curl or wget'],
    [runs.every(cleansUp), 'apt lists or recommended packages stay in a layer'],
    [runs.every((run) => !/npm (install|i)\b/.test(run)), 'npm install changes versions; npm ci does not'],
    [
      all.filter(({ keyword }) => keyword === 'WORKDIR').every(({ words }) => words[0]?.startsWith('/') ?? false),
      'a WORKDIR is relative',
    ],
    [has('CMD').length === 1 && has('ENTRYPOINT').length <= 1, 'there is not one CMD'],
    [has('CMD').every(({ exec }) => exec) && has('ENTRYPOINT').every(({ exec }) => exec), 'a shell would be process 1'],
    [
      has('HEALTHCHECK').length === 1 && has('HEALTHCHECK')[0]?.exec !== undefined,
      'there is no HEALTHCHECK in exec form',
    ],
    [/^[1-9]\d*(:[1-9]\d*)?$/.test(user), 'USER is root, or a name that Kubernetes cannot check'],
    [place('USER') < place('CMD') && place('USER') > place('RUN'), 'USER does not stand between RUN and CMD'],
    [
      values.every(([name, value]) => !/key|token|secret|password/i.test(name) || value === ''),
      'a secret stands in ENV or ARG',
    ],
    [
      has('COPY').every(({ flags }) => flags.from !== undefined && flags.chown === undefined),
      'files are copied from the context, or may be written',
    ],
    [has('EXPOSE').length === 1, 'there is not one EXPOSE'],
  ];
  return rules.filter(([fine]) => !fine).map(([, fault]) => fault);
}

const isPinned = ({ image }: Stage) => /:\d+\.\d+\.\d+/.test(image) && !image.includes('latest');
const cleansUp = (run: string) =>
  !run.includes('apt-get install') ||
  (/--no-install-recommends/.test(run) && /rm -rf [^&]*\/var\/lib\/apt\/lists\/\*/.test(run));

const content = read('Dockerfile');
const stages = readDockerfile(content);
const image = stages.at(-1) as Stage;
const environment = Object.assign(
  {},
  ...image.steps.filter(({ keyword }) => keyword === 'ENV').map(({ values }) => values),
);

describe('the Dockerfile', () => {
  it('keeps the rules', () => assert.deepEqual(faultsOf(content), []));

  const broken: [what: string, change: [from: string | RegExp, to: string]][] = [
    ['a base image has no full version', [/node:24\S+$/m, 'node:latest']],
    ['a base image has no full version', [/:24\S+ AS/, ':24-slim AS']],
    ['ADD fetches', ['COPY LICENSE', 'ADD LICENSE']],
    ['apt lists', [' --no-install-recommends', '']],
    ['apt lists', ['/var/lib/apt/lists/*', '/tmp/*']],
    ['npm install changes', ['npm ci', 'npm install']],
    ['a shell would be', [/^CMD .*$/m, 'CMD dist/main.js']],
    ['there is not one CMD', [/^CMD .*$/m, 'CMD ["dist/main.js"]\nCMD ["dist/cli.js"]']],
    ['there is no HEALTHCHECK', [/^HEALTHCHECK.*$/m, '']],
    ['USER is root', ['USER 1000:1000', 'USER root']],
    ['USER does not stand', ['USER 1000:1000', 'USER 1000:1000\nRUN true']],
    ['a secret', ['NODE_ENV=production', 'DARKROOM_SIGNING_KEYS=abab']],
    ['files are copied', ['COPY --from=build /app', 'COPY --from=build --chown=1000 /app']],
  ];
  for (const [fault, [from, to]] of broken) {
    it(`would not with ${to.split('\n')[0] || 'nothing'} in place of ${from}`, () => {
      const changed = content.replace(from, to);
      assert.notEqual(changed, content);
      assert.ok(
        faultsOf(changed).some((found) => found.startsWith(fault)),
        faultsOf(changed).join('; '),
      );
    });
  }

  it('copies what is there, and what the context lets through', () => {
    const names = new Set(stages.map(({ name }) => name));
    for (const { flags, words } of stages.flatMap(({ steps }) => steps.filter(({ keyword }) => keyword === 'COPY'))) {
      // A stage, or an image with its full version.
      if (flags.from) assert.ok(names.has(flags.from) || /^[a-z]+:\d+\.\d+\.\d+-/.test(flags.from), flags.from);
      else
        for (const source of words.slice(0, -1)) {
          assert.ok(existsSync(join(ROOT, source)), source);
          const [top = ''] = source.split('/');
          assert.ok(ignored.includes(`!${top}`), `${source} is not let through`);
        }
    }
    assert.ok(ignored.includes('*'));
    for (const { steps } of stages)
      for (const { text } of steps)
        for (const [file] of text.matchAll(/build\/[\w-]+\.ts/g)) assert.ok(existsSync(join(ROOT, file)), file);
  });

  it('has the Node that the tests run on, and the version of package.json', () => {
    assert.ok(stages.every((stage) => stage.image === `node:${manifest.devDependencies.node}-bookworm-slim`));
    assert.equal(image.steps.find(({ values }) => 'VERSION' in values)?.values.VERSION, manifest.version);
  });

  it('sets what the server needs, which needs nothing more but a key', () => {
    const config = readConfig({ ...environment, DARKROOM_SIGNING_KEYS: 'ab'.repeat(32) });
    assert.equal(config.production, true);
    assert.match(environment.LD_PRELOAD, /^libjemalloc\.so/);
    assert.ok(config.threadPool >= 12 + 4);
    assert.deepEqual(config.results, { kind: 'folder', path: '/data/results' });
    const [ports = []] = image.steps.filter(({ keyword }) => keyword === 'EXPOSE').map(({ words }) => words);
    assert.deepEqual(ports, [String(config.port), String(config.metricsPort)]);
    // Either jemalloc or glibc's settings: with both, one of them has no effect.
    assert.equal('LD_PRELOAD' in environment && 'MALLOC_ARENA_MAX' in environment, false);
  });
});
