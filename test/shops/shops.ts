/**
 * `npm run test:shops`: each shop of `examples/` is installed from the packed packages, built, started and opened in Chromium. SHOPS names
 * some of them, SHOPS_OUT a folder for screenshots.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { TEST_KEY } from '../helpers/app.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { ROOT } from '../helpers/edge.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';
import { filesWith, installShop, type Listing, packPackages, startShop } from './install.ts';
import { type Look, lookAt } from './look.ts';
import { SHOPS } from './shop-list.ts';

const KEY = TEST_KEY.toString('hex');
const VIEWS = [
  { width: 1280, ratio: 1 },
  { width: 1280, ratio: 2 },
  { width: 1280, ratio: 3 },
  { width: 390, ratio: 3 },
] as const;
/** Beside the samples: large enough for all that a preset declares. */
const LARGE = { width: 2400, height: 1800 };
const MORE: readonly Listing[] = [
  { slug: 'large', title: 'Large original', price: '1 €', image: 'large.jpg', meta: LARGE },
];
/** Widths of a card of 400 pixels that the views above choose: 390 pixels at 3x are 1170. */
const LARGE_CHOSEN = ['@400w', '@800w', '@1200w', '@1200w'];
const CHOSEN: Readonly<Record<string, readonly string[]>> = {
  'large.jpg': LARGE_CHOSEN,
  // Of 240 pixels: what promises more is the same file.
  'spinner.gif': ['@400w', '@400w', '@400w', '@400w'],
};
/** What this run has in its environment and a stranger has not; without the others registries may not be reached. */
const OURS = /^(DARKROOM_|npm_|NODE_|HOST$|PORT$)/;
const KEPT = /^(NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|npm_config_(registry|cache|userconfig|cafile|https?_proxy))$/;
const asked = process.env.SHOPS?.split(/[ ,]+/);
const chosen = SHOPS.filter(({ name }) => !asked || asked.includes(name));
const out = process.env.SHOPS_OUT;

let server: TestServer;
let browser: Awaited<ReturnType<typeof launchBrowser>>;
let packed: ReadonlyMap<string, string>;
let originals: string;
let env: NodeJS.ProcessEnv;

before(async () => {
  if (chosen.length === 0) return;
  originals = await mkdtemp(join(tmpdir(), 'darkroom-shop-originals-'));
  for (const name of ['coffee.jpg', 'astronaut.jpg', 'chelsea.png', 'rocket.webp', 'cutout.png', 'spinner.gif'])
    await writeFile(join(originals, name), await sharp(join(ROOT, 'samples', name), { animated: true }).toBuffer());
  await writeFile(
    join(originals, 'large.jpg'),
    await sharp(join(ROOT, 'samples/rocket.webp')).resize(LARGE).toBuffer(),
  );
  server = await startServer({
    DARKROOM_ORIGINALS: `file:${originals}`,
    DARKROOM_PRESETS: join(ROOT, 'examples/presets.json'),
  });
  [browser, packed] = await Promise.all([launchBrowser(), packPackages()]);
  if (out) await mkdir(out, { recursive: true });
  const inherited = Object.entries(process.env).filter(([name]) => KEPT.test(name) || !OURS.test(name));
  env = {
    ...Object.fromEntries(inherited),
    IMAGE_BASE_URL: server.baseUrl,
    DARKROOM_SIGNING_KEY: KEY,
    ...{ NEXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' },
    ...{ WRANGLER_SEND_METRICS: 'false', CI: '1' },
  };
});
after(async () => {
  await Promise.all([browser?.close(), server?.dispose()]);
  const [tarball = ''] = packed?.values() ?? [];
  for (const folder of [originals, dirname(tarball)])
    if (folder?.startsWith(tmpdir())) await rm(folder, { recursive: true });
});

for (const shop of chosen) {
  describe(`examples/${shop.name}`, () => {
    let folder: string;
    let running: Awaited<ReturnType<typeof startShop>>;
    before(async () => {
      const lines = `IMAGE_BASE_URL=${server.baseUrl}\nDARKROOM_SIGNING_KEY=${KEY}\n`;
      const { variables } = shop;
      const prepare = async (copy: string) => (variables ? writeFile(join(copy, variables), lines) : undefined);
      folder = await installShop(shop, { packed, env, more: MORE, prepare });
      running = await startShop(shop, folder, env);
      const isUp = async () => {
        assert.ok(!running.hasEnded(), running.output());
        return fetch(running.url).then(
          ({ ok }) => ok,
          () => false,
        );
      };
      await untilAnswer(isUp, Boolean, 100);
    });
    after(() => running?.stop());

    const looks = async (path: string) => {
      const seen: Look[] = [];
      for (const view of VIEWS) {
        const name = `${shop.name}${path.replaceAll('/', '-')}-${view.width}-${view.ratio}x.png`;
        const screenshot = out && view.ratio !== 2 ? join(out, name) : undefined;
        seen.push(await lookAt(browser, running.url + path, { view, pictures: server.baseUrl, screenshot }));
      }
      return seen;
    };

    /** What holds of every page: nothing shifts or fails, nothing is distorted, the layout is that of each pixel ratio. */
    function checkAll(seen: readonly Look[]) {
      const [first, second, third] = seen;
      for (const [at, { images, shift, shifted, faults, sent }] of seen.entries()) {
        assert.deepEqual(faults, []);
        assert.equal(shift, 0, `CLS at ${JSON.stringify(VIEWS[at])}: ${shifted.join('; ')}`);
        assert.ok(!sent.includes(KEY), 'the key reached the browser');
        assert.match(sent, /<html/);
        for (const { currentSrc, width, height, natural } of images) {
          assert.ok(currentSrc.startsWith(server.baseUrl), currentSrc);
          assert.ok(natural[0] > 0 && width > 0, currentSrc);
          const bent = width / height / (natural[0] / natural[1]);
          assert.ok(Math.abs(bent - 1) < 0.02, `${currentSrc} of ${natural} is shown at ${width} x ${height}`);
        }
      }
      for (const other of [second, third])
        for (const [at, { currentSrc, width, height }] of (other?.images ?? []).entries()) {
          const once = first?.images[at];
          // A file of 533 x 400 in a frame of 400 x 300 is a fraction of a pixel higher.
          const isSame = once && width === once.width && Math.abs(height - once.height) < 0.5;
          assert.ok(isSame, `${currentSrc}: ${width} x ${height}, once ${once?.width} x ${once?.height}`);
        }
    }

    it('shows its listings: the right file in each, the same layout at each pixel ratio, nothing shifts', async () => {
      const seen = await looks('/');
      checkAll(seen);
      for (const [at, { images }] of seen.entries()) {
        assert.equal(images.length, 7);
        for (const [id, byMeta] of Object.entries(CHOSEN)) {
          const expected = (shop.knowsMeta ?? true) ? byMeta : LARGE_CHOSEN;
          const shown = images.find(({ currentSrc }) => currentSrc.includes(`/${id}`))?.currentSrc ?? 'nothing';
          assert.match(shown, new RegExp(`/card${expected[at]}\\.avif/${id}$`), JSON.stringify(VIEWS[at]));
        }
      }
    });

    it('shows one of them', async () => {
      const seen = await looks('/listings/large');
      checkAll(seen);
      for (const { images } of seen)
        assert.ok(images.some(({ currentSrc }) => /\/detail(@2x)?\.(avif|webp)\/large\.jpg$/.test(currentSrc)));
    });

    it('has the signing key in no file that browsers get', async () => {
      for (const client of shop.client) {
        const { found, searched } = await filesWith(join(folder, client), KEY);
        assert.ok(searched > 0, client);
        assert.deepEqual(found, []);
      }
    });
  });
}
