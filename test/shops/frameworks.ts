/** Part of `npm run test:shops`: docs/django.md with the newest Django that this Python takes; CI has Debian's. SHOPS may name it: `django`. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { checkShop, FRAMEWORKS } from '../helpers/framework-shops.ts';

const run = promisify(execFile);
const DJANGO = 'django==5.2.19';
const asked = process.env.SHOPS?.split(/[ ,]+/);
const { Django } = FRAMEWORKS;

if (Django && (!asked || asked.includes('django')))
  describe(`${Django.page} with ${DJANGO}`, () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'darkroom-django-'));
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', folder, DJANGO];
      await run('python3', install, { timeout: 300_000 });
      await writeFile(join(folder, 'python'), `#!/bin/sh\nPYTHONPATH='${folder}' exec python3 "$@"\n`, { mode: 0o755 });
    });
    after(() => rm(folder, { recursive: true }));

    it('runs in a shop: its page and all published paths', async (context) => {
      const [, ...args] = Django.command;
      context.diagnostic(`Django ${await checkShop(Django, { command: [join(folder, 'python'), ...args] })}`);
    });
  });
