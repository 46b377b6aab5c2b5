import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('..', import.meta.url).pathname;

interface Folder {
  readonly purpose: string;
  /** Folders or single files whose code it may run. */
  readonly imports: string;
  /** Folders or single files of which it may name the types only. */
  readonly types?: string;
}

/**
 * What each folder of src is for, and what it may import besides itself and errors.ts. Every folder may also use the step
 * timer and the request context, which lie at the bottom of telemetry.
 */
const FOLDERS: Readonly<Record<string, Folder>> = {
  http: {
    purpose: 'routes, the journey of one image request, and everything that is HTTP about an answer',
    imports: 'api playground renditions originals presets render url flow legacy telemetry/legacy-outcome',
    types: 'telemetry',
  },
  api: {
    purpose: "the shop's API under /v1: metadata, purge, uploads",
    imports: 'renditions originals presets render url flow',
    types: 'faces stores/store stores/object-receiver',
  },
  playground: {
    purpose: 'the page on which presets are tried, and its routes',
    imports: 'api renditions originals presets render url flow',
  },
  originals: {
    purpose: 'reading originals, the metadata and the pixels of them that are kept',
    imports: 'renditions render flow faces/face',
    types: 'faces stores/store',
  },
  renditions: {
    purpose: 'finished renditions: keys, memory cache, result store, purge epochs',
    imports: 'flow',
    types: 'presets render/recipe stores/store',
  },
  presets: {
    purpose: 'named and inline presets, and the recipe that one resolves to',
    imports: 'render url faces/face',
  },
  assets: {
    purpose: 'images and fonts that presets name, and what they are at this moment',
    imports: 'render',
    types: 'presets stores/store',
  },
  legacy: {
    purpose:
      'URLs of imgproxy, Thumbor and Cloudinary: their signatures, and the inline recipes that their options mean',
    imports: 'presets url',
  },
  render: { purpose: 'from original and recipe to bytes: stages and formats', imports: '', types: 'faces decoders' },
  faces: { purpose: 'finding faces in a small picture, in a thread of its own', imports: 'flow' },
  decoders: { purpose: 'formats that sharp does not read, in threads of their own', imports: 'flow' },
  stores: { purpose: 'objects in a folder, in S3, behind HTTP: one contract', imports: 'flow' },
  url: { purpose: 'image URLs and their signatures: the part that storefronts install', imports: '' },
  flow: { purpose: 'queues, single flights, deadlines, threads: knows nothing of images', imports: '' },
  telemetry: {
    purpose: 'metrics, tracing, step timer',
    imports: '',
    types: 'flow render stores/shared/measured-store process/memory-plan',
  },
  process: { purpose: 'settings, memory plan, start and end of the process', imports: '' },
};

/** Files of telemetry that every folder may use, because they know no other folder themselves. */
const BOTTOM = 'telemetry/step-timer telemetry/request-context';
/** Runs in a browser: its files are checked apart from the rest, and served one by one. */
const BROWSER = 'src/playground/page/';

/** One home for each package: folders or files. */
const HOMES: Readonly<Record<string, string>> = {
  fastify:
    'http api/routes api/peer-route api/purge-routes api/edits/edit-routes api/uploads/upload-route playground/playground telemetry/tracing process/shutdown',
  sharp: 'render',
  '@aws-sdk/client-s3': 'stores/s3 api/uploads/s3-upload-target',
  '@aws-sdk/s3-request-presigner': 'api/uploads/s3-upload-target',
  '@smithy/node-http-handler': 'stores/s3',
  undici: 'stores',
  'ipaddr.js': 'stores/http',
  'lru-cache':
    'http/resolve flow/shrinkable-cache renditions originals render/effects/overlay/layers render/formats/alpha-stream',
  '@mediapipe/tasks-vision': 'faces/detector',
  'libheif-js': 'decoders',
  '@imagemagick/magick-wasm': 'decoders/magick',
  '@resvg/resvg-wasm': 'decoders/svg',
  zod: 'process/settings presets api/schemas api/edits/edit-fields api/purge-jobs api/openapi playground/playground',
  '@opentelemetry': 'telemetry/tracing',
  '@fastify/otel': 'telemetry/tracing',
  'prom-client': 'telemetry/metrics',
  thumbhash: 'render',
  pino: 'process/log-stream',
  'exif-reader': 'render',
};

interface Import {
  readonly from: string;
  /** Path below the root, or the name of a package. */
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = globSync('src/**/*.ts', { cwd: root }).sort();
const text = (file: string) => readFileSync(join(root, file), 'utf8');

function importsOf(file: string): Import[] {
  const statements = text(file).matchAll(
    /^(?:import|export)\s+(type\s+)?([^'";]*?from\s+)?'([^']+)'|import\('([^']+)'\)/gm,
  );
  return Array.from(statements, ([, type, names = '', fixed, dynamic]) => {
    const target = fixed ?? dynamic ?? '';
    const inner = names
      .match(/\{([^}]*)\}/)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const allTypes = inner !== undefined && inner.length > 0 && inner.every((name) => name.startsWith('type '));
    const to = target.startsWith('.') ? normalize(join(dirname(file), target)) : target;
    return { from: file, to, typeOnly: type !== undefined || allTypes };
  });
}

const imports = files.flatMap(importsOf);
const inside = ({ to }: Import) => to.startsWith('src/');
const list = (found: readonly Import[]) => found.map(({ from, to }) => `${from} → ${to}`);
/** Path below src without its ending: `render/stages/decode`. */
const nameOf = (file: string) => file.replace(/^src\//, '').replace(/\.ts$/, '');
const folderOf = (file: string) => nameOf(file).split('/').slice(0, -1)[0] ?? '';
const within = (file: string, places: string) =>
  places.split(' ').some((place) => nameOf(file) === place || nameOf(file).startsWith(`${place}/`));

/** Edges between the folders of src, types included. */
const folderGraph = new Map(
  Object.keys(FOLDERS).map((folder) => {
    const own = imports.filter(({ from, to }) => folderOf(from) === folder && !within(to, BOTTOM));
    const targets = own.filter(inside).map(({ to }) => folderOf(to));
    return [folder, new Set(targets.filter((to) => to !== folder && to !== ''))];
  }),
);

/** The first way found from a node back to itself. */
function circleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const done = new Set<string>();
  function search(node: string, path: readonly string[]): string[] | undefined {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return undefined;
    for (const next of edges.get(node) ?? []) {
      const circle = search(next, [...path, node]);
      if (circle) return circle;
    }
    done.add(node);
    return undefined;
  }
  return edges
    .keys()
    .map((node) => search(node, []))
    .find((circle) => circle !== undefined);
}

describe('architecture', () => {
  it('has main, cli and errors at the root, and a row for every folder', () => {
    const roots = files.filter((file) => folderOf(file) === '');
    assert.deepEqual(roots, ['src/cli.ts', 'src/errors.ts', 'src/main.ts']);
    const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));
    assert.deepEqual([...folders].sort(), Object.keys(FOLDERS).sort());
  });

  it('keeps the arrows between folders', (t) => {
    for (const [folder, { purpose }] of Object.entries(FOLDERS))
      t.diagnostic(`${folder} (${purpose}) → ${[...(folderGraph.get(folder) ?? [])].sort().join(', ') || 'nothing'}`);
    const against = imports.filter((entry) => {
      const folder = folderOf(entry.from);
      const row = FOLDERS[folder];
      if (!inside(entry) || !row) return false;
      const allowed = within(entry.to, `${folder} errors ${BOTTOM} ${row.imports}`.trim());
      return !allowed && !(entry.typeOnly && row.types && within(entry.to, row.types));
    });
    assert.deepEqual(list(against), []);
  });

  it('sends nothing of the server to the browser', () => {
    const inBrowser = (path: string) => path.startsWith(BROWSER);
    assert.deepEqual(list(imports.filter(({ from, to }) => inBrowser(from) !== inBrowser(to))), []);
    assert.ok(files.some(inBrowser));
  });

  it('has no circle of files', () => {
    const byFile = Map.groupBy(imports.filter(inside), ({ from }) => from);
    const circle = circleIn(new Map(Array.from(byFile, ([from, to]) => [from, new Set(to.map((entry) => entry.to))])));
    assert.equal(circle, undefined, circle?.join(' → '));
  });

  it('has no circle of folders', () => {
    const circle = circleIn(folderGraph);
    assert.equal(circle, undefined, circle?.join(' → '));
  });

  it('would find a circle', () => {
    const edges = { a: ['b'], b: ['c', 'd'], c: [], d: ['b'] };
    const circle = circleIn(new Map(Object.entries(edges).map(([from, to]) => [from, new Set(to)])));
    assert.deepEqual(circle, ['b', 'd', 'b']);
  });

  it('keeps one home for each package, and knows the home of every one', () => {
    const packages = imports.filter(({ to }) => !/^(src\/|node:)|package\.json$/.test(to));
    const astray = packages.filter(({ from, to }) => {
      const [, home] = Object.entries(HOMES).find(([name]) => to === name || to.startsWith(`${name}/`)) ?? [];
      return home === undefined || !within(from, home);
    });
    assert.deepEqual(list(astray), []);
  });

  it('opens stores in main and in the command that verifies them only', () => {
    const openers = imports.filter(({ to, typeOnly }) => within(to, 'stores/open-stores') && !typeOnly);
    assert.deepEqual([...new Set(openers.map(({ from }) => from))], ['src/cli.ts', 'src/main.ts']);
  });

  it('reads the environment in process/config.ts only', () => {
    const readers = files.filter((file) => file !== 'src/process/config.ts' && /process\.env/.test(text(file)));
    assert.deepEqual(readers, []);
  });

  it('loads what only one adapter needs when it is first used', () => {
    const lazy = /^(sharp|undici|@aws-sdk|@smithy|@opentelemetry|@fastify\/otel)/;
    const early = imports.filter(({ from, to, typeOnly }) => {
      const atStart = new RegExp(`^import (?!type )[^']*'${to}'`, 'm');
      return lazy.test(to) && !typeOnly && atStart.test(text(from));
    });
    assert.deepEqual(list(early), []);
  });

  it('has files of one thing each, in folders that fit on a screen', () => {
    const lines = (file: string) => text(file).split('\n').length - 1;
    assert.deepEqual(
      files.filter((file) => lines(file) > 250),
      [],
    );
    assert.deepEqual(
      files.filter((file) => /\/(utils?|helpers?|types|index|common|misc)\.ts$/.test(file)),
      [],
    );
    const folders = Map.groupBy(files, dirname);
    const crowded = Array.from(folders, ([folder, { length }]) => ({ folder, length })).filter(
      ({ length }) => length > 14,
    );
    assert.deepEqual(crowded, []);
  });
});
