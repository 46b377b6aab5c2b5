import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { CLOUDINARY_PARAMETERS } from '../../src/legacy/cloudinary/parameters.ts';
import { IMGPROXY_UNMAPPED } from '../../src/legacy/imgproxy/unmapped.ts';
import type { OptionTable } from '../../src/legacy/scheme.ts';
import { THUMBOR_FILTERS } from '../../src/legacy/thumbor/filters.ts';
import { imgproxyLog } from '../helpers/access-logs.ts';
import { startServer } from '../helpers/server.ts';

/** Follows docs/moving-in.md: its settings start a server, its commands run as they stand, and its tables say what is refused. */

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/moving-in.md'), 'utf8');
const sectionOf = (title: string) => page.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? '';
const blocks = (text: string) => Array.from(text.matchAll(/```sh\n([\s\S]*?)```/g), ([, code = '']) => code);

/** A row for each reason, with all options that it is the reason of. */
function rowsOf(table: OptionTable): string[] {
  const reasons = [...new Set(Object.values(table).filter((entry) => typeof entry === 'string'))];
  const named = (reason: string) => Object.keys(table).filter((name) => table[name] === reason);
  return reasons.map(
    (reason) =>
      `| ${named(reason)
        .map((name) => `\`${name}\``)
        .join(', ')} | ${reason} |`,
  );
}

const WAYS = [
  { title: 'imgproxy', table: IMGPROXY_UNMAPPED, size: [300, 300] },
  { title: 'Thumbor', table: THUMBOR_FILTERS, size: [300, 200] },
  { title: 'Cloudinary', table: CLOUDINARY_PARAMETERS, size: [200, 200] },
] as const;

describe('the page about moving in', () => {
  for (const { title, table, size } of WAYS) {
    it(`has settings and commands for ${title} that work as they stand`, async () => {
      const [settings = '', ...commands] = blocks(sectionOf(title));
      const environment = Object.fromEntries(
        Array.from(settings.matchAll(/^export (\w+)=(\S+)$/gm), ([, name, value]) => [name, value]),
      );
      assert.equal(Object.keys(environment).length, settings.trim().split('\n').length);
      const server = await startServer({ ...environment, DARKROOM_FACES: 'off' });
      await cp(join(root, 'samples'), join(server.folder, 'data/originals'), { recursive: true });
      assert.equal(commands.length, 1);
      for (const command of commands)
        await run('sh', ['-ec', command.replaceAll('localhost:8080', `127.0.0.1:${server.port}`)], {
          cwd: server.folder,
        });
      const { width, height, format } = await sharp(await readFile(join(server.folder, 'old.webp'))).metadata();
      assert.deepEqual([width, height, format], [...size, 'webp']);
      await server.dispose();
    });

    it(`names each option of ${title} that has no equal, with the reason`, () => {
      const rows = sectionOf(title).match(/^\| `.*$/gm);
      assert.deepEqual(rows?.toSorted(), rowsOf(table).toSorted());
    });
  }

  it('has commands for presets that work as they stand', async () => {
    const [way = ''] = blocks(sectionOf('The way'));
    const home = await mkdtemp(join(tmpdir(), 'darkroom-moving-'));
    after(() => rm(home, { recursive: true }));
    for (const name of ['src', 'node_modules', 'package.json']) await symlink(join(root, name), join(home, name));
    await writeFile(join(home, 'access.log'), [...imgproxyLog(500).lines].join('\n'));
    const { stdout, stderr } = await run('sh', ['-ec', way], { cwd: home });
    assert.match(stdout, /^cover-3x2-300: added$/m);
    assert.match(stderr, /^500 lines, \d+ requests for pictures/);
  });
});
