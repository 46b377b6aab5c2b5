/**
 * Every picture of docs/operations is what a server answers for the preset above it, so that no page can lie. A block of
 * JSON is a presets file; each picture behind it is named after one of its presets, `card@2x.webp`, and shows the sample that the
 * page's link names: `![Rounded corners](../pictures/operations/card.webp "coffee.jpg?t.seller=Ada")`. `npm run docs:pictures` makes
 * those that are missing or differ.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { formatImagePath } from '../../src/url/image-path.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { startServer } from '../helpers/server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PAGES = join(ROOT, 'docs/operations');
const PICTURES = join(ROOT, 'docs/pictures/operations');
const UPDATES = process.env.UPDATE_PICTURES === '1';
/** Levels of 255: other processors round otherwise, and an encoder makes more of that. */
const MOST_DIFFERENCE = 2;
const LIMIT = { timeout: 600_000 };

interface Picture {
  readonly page: string;
  readonly preset: string;
  readonly suffix: string;
  readonly file: string;
  readonly sample: string;
  readonly variables: Readonly<Record<string, string>>;
}

const definitions: Record<string, unknown> = {};
const pictures: Picture[] = [];
for (const page of globSync('*.md', { cwd: PAGES }).sort()) read(page, readFileSync(join(PAGES, page), 'utf8'));

function read(page: string, text: string): void {
  const pieces = text.matchAll(
    /^```json\n([\s\S]*?)^```|!\[[^\]]*\]\(\.\.\/pictures\/operations\/(\S+?) "([^"]+)"\)/gm,
  );
  for (const [, json, file, shown] of pieces) {
    if (json !== undefined) {
      const found = JSON.parse(json);
      const twice = Object.keys(found).filter((name) => name in definitions);
      assert.deepEqual(twice, [], `${page}: presets that another page has too`);
      Object.assign(definitions, found);
    } else if (file !== undefined && shown !== undefined) pictures.push(pictureOf(page, file, shown));
  }
}

function pictureOf(page: string, file: string, shown: string): Picture {
  const [, preset = '', suffix = ''] = /^([^@.]+)(@[^.]+)?\.\w+$/.exec(file) ?? [];
  const [sample = '', query = ''] = shown.split('?');
  const variables = Array.from(new URLSearchParams(query), ([name, value]) => [name.replace(/^t\./, ''), value]);
  return { page, preset, suffix, file, sample, variables: Object.fromEntries(variables) };
}

describe('the pages of operations', () => {
  let server: Awaited<ReturnType<typeof startServer>>;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-pages-'));
    await writeFile(join(folder, 'presets.json'), JSON.stringify(definitions));
    server = await startServer({
      DARKROOM_PRESETS: join(folder, 'presets.json'),
      DARKROOM_ORIGINALS: `file:${join(ROOT, 'samples')}`,
      DARKROOM_ASSETS: `file:${join(ROOT, 'examples/assets')}`,
      // The same pictures where the engine was not built.
      DARKROOM_ENGINE: 'off',
    });
  }, LIMIT);
  after(() => rm(folder, { recursive: true, force: true }));

  it('show a picture of each of their presets, and no other', async () => {
    const shown = new Set(pictures.map(({ preset }) => preset));
    assert.deepEqual([...shown].sort(), Object.keys(definitions).sort());
    const files = existsSync(PICTURES) ? await readdir(PICTURES) : [];
    if (!UPDATES) assert.deepEqual(files.sort(), [...new Set(pictures.map(({ file }) => file))].sort());
  });

  it('have pictures that the server makes', LIMIT, async () => {
    const wrong: string[] = [];
    for (const picture of pictures) {
      const { page, file } = picture;
      const response = await server.get(pathOf(picture));
      const body = Buffer.from(await response.arrayBuffer());
      assert.equal(response.status, 200, `${page}, ${file}: ${body.toString('utf8').slice(0, 300)}`);
      assert.equal(
        response.headers.get('content-type'),
        `image/${basename(file).split('.').at(-1)}`,
        `${page}, ${file}`,
      );
      const path = join(PICTURES, file);
      if (!UPDATES) await differs(path, body).then((by) => by > MOST_DIFFERENCE && wrong.push(`${file} by ${by}`));
      else {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, body);
      }
    }
    assert.deepEqual(wrong, [], '`npm run docs:pictures` makes them anew');
  });
});

const signatures = createSignatures([TEST_KEY]);
function pathOf({ preset, suffix, sample: id, variables }: Picture): string {
  const parameters = Object.keys(variables).length > 0 ? { variables } : {};
  const signature = signatures.sign({ preset, id, expiresAt: undefined, ...parameters });
  return formatImagePath({ signature, preset, suffix, id, expiresAt: undefined, ...parameters });
}

/** The mean difference of all channels, in levels. */
async function differs(path: string, body: Buffer): Promise<number> {
  const [old, fresh] = await Promise.all([pixels(await readFile(path)), pixels(body)]);
  if (old.length !== fresh.length) return 255;
  let sum = 0;
  for (let at = 0; at < old.length; at += 1) sum += Math.abs((old[at] ?? 0) - (fresh[at] ?? 0));
  return sum / old.length;
}

const pixels = (file: Buffer) => sharp(file, { animated: true }).ensureAlpha().raw().toBuffer();
