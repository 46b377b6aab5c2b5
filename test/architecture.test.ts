import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('..', import.meta.url).pathname;

interface Import {
  readonly from: string;
  /** Path below src, or the name of a package. */
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
const inside = (entry: Import) => entry.to.startsWith('src/');
const list = (found: Import[]) => found.map(({ from, to }) => `${from} → ${to}`);

/** What each place may import from src as values, and what more as types. First row that matches rules. */
const ARROWS: [place: RegExp, values: RegExp, types: RegExp][] = [
  [/^src\/playground\/page\.ts$/, /^$/, /^$/],
  [
    /^src\/playground\//,
    /^src\/(api-schemas|errors|render\/crop|url\/sdk)\.ts$/,
    /^src\/(image-meta|original-facts|presets|render|uploads)/,
  ],
  [/^src\/main\.ts$/, /./, /./],
  [
    /^src\/cli\.ts$/,
    /^src\/(main|config|built-in-presets|presets|presets-diff|signing-key-file|url\/sdk)\.ts$/,
    /^src\/url\//,
  ],
  [/^src\/presets-diff\.ts$/, /^src\/presets\.ts$/, /^src\/presets\.ts$/],
  [
    /^src\/app\.ts$/,
    /^src\/(connections|errors|request-ids|api|serve-image|uploads\/upload-route|playground\/playground)\.ts$/,
    /^src\/(metrics|tracing|uploads\/folder-upload-target|playground\/playground)\.ts$/,
  ],
  [
    /^src\/api\.ts$/,
    /^src\/(errors|api-schemas|url\/image-url)\.ts$/,
    /^src\/(image-meta|purge|uploads\/uploads)\.ts$/,
  ],
  [
    /^src\/purge\.ts$/,
    /^src\/rendition\.ts$/,
    /^src\/(cdn-purge|decode-cache|generations|original-facts|rendition-cache|stores\/store)\.ts$/,
  ],
  [
    /^src\/image-meta\.ts$/,
    /^src\/(errors|render\/cost)\.ts$/,
    /^src\/(original-facts|read-original|faces\/face-finder|flow\/work-queue|render\/.*)\.ts$/,
  ],
  [/^src\/sidecar\.ts$/, /^src\/faces\/face-finder\.ts$/, /^src\/(render\/describe|stores\/store)\.ts$/],
  [/^src\/(generations|cdn-purge)\.ts$/, /^$/, /^$/],
  [/^src\/read-original\.ts$/, /^src\/(errors|uploads\/quarantine)\.ts$/, /^src\/(input-buffers|stores\/store)\.ts$/],
  [/^src\/save-unless-purged\.ts$/, /^$/, /^src\/(flow\/write-behind|generations|stores\/store)\.ts$/],
  [/^src\/api-schemas\.ts$/, /^src\/errors\.ts$/, /^$/],
  [/^src\/shop-api\.ts$/, /^src\/(image-meta|purge|uploads\/.*)\.ts$/, /^src\/(api|read-original)\.ts$/],
  [
    /^src\/uploads\/uploads\.ts$/,
    /^src\/(errors|url\/image-path|render\/cost|uploads\/quarantine)\.ts$/,
    /^src\/(generations|original-facts|purge|read-original|flow|render|stores|url|uploads)/,
  ],
  [/^src\/uploads\//, /^src\/(errors|uploads\/folder-upload-target|url\/signature)\.ts$/, /^src\/(stores|uploads)\//],
  [
    /^src\/serve-image\.ts$/,
    /^src\/(rendition|http-cache|errors|step-timer|render\/(recipe|cost)|nearest)\.ts$/,
    /^src\/(identify|presets|rendition-cache|decode-cache|picture-sources|kept-results|original-facts|generations|render\/render|flow\/.*)\.ts$/,
  ],
  [
    /^src\/picture-sources\.ts$/,
    /^src\/(errors|working-copy|render\/(cost|whole))\.ts$/,
    /^src\/(decode-cache|kept-results|read-original|step-timer|render\/.*|flow\/work-queue)\.ts$/,
  ],
  [
    /^src\/kept-results\.ts$/,
    /^src\/(deadline|rendition|save-unless-purged|working-copy)\.ts$/,
    /^src\/(generations|step-timer|stores\/store|render\/header|flow\/write-behind)\.ts$/,
  ],
  [
    /^src\/working-copy\.ts$/,
    /^src\/(rendition|render\/(cost|whole))\.ts$/,
    /^src\/(stores\/store|render\/header)\.ts$/,
  ],
  [
    /^src\/identify\.ts$/,
    /^src\/(errors|http-cache|rendition|url\/image-url)\.ts$/,
    /^src\/(presets|url\/signature)\.ts$/,
  ],
  [/^src\/decode-cache\.ts$/, /^src\/(errors|garbage|lendable)\.ts$/, /^src\/render\/(header|recipe)\.ts$/],
  [/^src\/render\/(render|aim)\.ts$/, /^src\/(garbage\.ts|render\/)/, /^src\/(faces\/face-finder|step-timer)\.ts$/],
  [/^src\/render\//, /^src\/(render\/.*|errors\.ts)$/, /^$/],
  [/^src\/faces\/face-worker\.ts$/, /^src\/faces\/candidates\.ts$/, /^src\/faces\//],
  [/^src\/faces\//, /^$/, /^src\/faces\/face-finder\.ts$/],
  [
    /^src\/original-facts\.ts$/,
    /^src\/(deadline|rendition|save-unless-purged|sidecar)\.ts$/,
    /^src\/(faces\/face-finder|flow\/write-behind|generations|render\/describe|stores\/store)\.ts$/,
  ],
  [/^src\/stores\/store\.ts$/, /^$/, /^$/],
  [
    /^src\/stores\//,
    /^src\/(stores\/(store|companion|object-files|address-guard|time-limit|retry-budget|pools|s3-reader|sigv4)|deadline|errors)\.ts$/,
    /^$/,
  ],
  [/^src\/flow\/watched-queue\.ts$/, /^src\/errors\.ts$/, /^src\/flow\/work-queue\.ts$/],
  [/^src\/flow\//, /^src\/(deadline|errors|flow\/line)\.ts$/, /^$/],
  [/^src\/nearest\.ts$/, /^$/, /^src\/(rendition|render\/recipe)\.ts$/],
  [
    /^src\/url\/(sdk|edge|verify|web-signer)\.ts$/,
    /^src\/(built-in-presets|url\/(family|image-path|parse-image-path|web-signer))\.ts$/,
    /^src\/url\//,
  ],
  [/^src\/url\/(family|image-path|parse-image-path)\.ts$/, /^src\/url\/(parse-)?image-path\.ts$/, /^$/],
  [/^src\/url\//, /^src\/(errors|url\/.*)\.ts$/, /^$/],
  [/^src\/config\.ts$/, /^src\/(cpu-limit|memory-plan|settings|stores\/s3-environment)\.ts$/, /^$/],
  [/^src\/settings\.ts$/, /^$/, /^$/],
  [
    /^src\/(errors|built-in-presets|step-timer|request-ids|http-cache|signing-key-file|log-stream|cpu-limit|memory-plan|input-buffers|lendable|deadline|garbage|idle-exit)\.ts$/,
    /^$/,
    /^$/,
  ],
  [/^src\/presets\.ts$/, /^src\/errors\.ts$/, /^src\/render\/recipe\.ts$/],
  [/^src\/rendition\.ts$/, /^$/, /^src\/(presets|stores\/store)\.ts$/],
  [/^src\/rendition-cache\.ts$/, /^src\/lendable\.ts$/, /^src\/rendition\.ts$/],
  [/^src\/connections\.ts$/, /^src\/errors\.ts$/, /^$/],
  [/^src\/frugal\.ts$/, /^src\/config\.ts$/, /^src\/config\.ts$/],
  [/^src\/start-up-line\.ts$/, /^package\.json$/, /^src\/config\.ts$/],
  [/^src\/shutdown\.ts$/, /^$/, /^src\/log-stream\.ts$/],
  [/^src\/tracing\.ts$/, /^$/, /^src\/(serve-image|step-timer)\.ts$/],
  [/^src\/metrics-server\.ts$/, /^$/, /^src\/metrics\.ts$/],
  [
    /^src\/metrics\.ts$/,
    /^src\/metric-list\.ts$/,
    /^src\/(serve-image|memory-plan|flow\/watched-queue|render\/measured-renderer|stores\/measured-store)\.ts$/,
  ],
  [/^src\/metric-list\.ts$/, /^src\/step-timer\.ts$/, /^src\/errors\.ts$/],
  [/^src\/open-stores\.ts$/, /^src\/(config|stores\/.*)\.ts$/, /^src\/stores\//],
  [/^src\/example-urls\.ts$/, /^src\/url\//, /^src\/url\//],
];

/** One home for each tool. */
const HOMES: [tool: RegExp, homes: RegExp][] = [
  [
    /^fastify$/,
    /^src\/(tracing|app|connections|api|serve-image|shutdown|uploads\/upload-route|playground\/playground)\.ts$/,
  ],
  [/^sharp$/, /^src\/render\//],
  [/^@(aws-sdk|smithy)\//, /^src\/(stores\/s3-.*|uploads\/.*)\.ts$/],
  [/^undici$/, /^src\/stores\/(http-origin|pools|s3-reader)\.ts$/],
  [/^ipaddr\.js$/, /^src\/stores\/address-guard\.ts$/],
  [/^lru-cache$/, /^src\/(identify|lendable|rendition-cache|decode-cache|original-facts|generations)\.ts$/],
  [/^flatbuffers$/, /^src\/faces\/models\/make-models\.ts$/],
  [/^@mediapipe\//, /^src\/faces\/face-worker\.ts$/],
  [/^zod$/, /^src\/(settings|presets|api-schemas|playground\/playground)\.ts$/],
  [/^@(opentelemetry|fastify\/otel)/, /^src\/tracing\.ts$/],
  [/^prom-client$/, /^src\/metrics\.ts$/],
  [/^thumbhash$/, /^src\/render\/describe\.ts$/],
  [/^pino$/, /^src\/log-stream\.ts$/],
  [/^exif-reader$/, /^src\/render\/copyright\.ts$/],
];

describe('architecture', () => {
  it('has a rule for every file', () => {
    assert.deepEqual(
      files.filter((file) => !ARROWS.some(([place]) => place.test(file))),
      [],
    );
  });

  it('keeps the arrows', () => {
    const against = imports.filter(inside).filter((entry) => {
      const [, values, types] = ARROWS.find(([place]) => place.test(entry.from)) ?? [];
      return !(values?.test(entry.to) || (entry.typeOnly && types?.test(entry.to)));
    });
    assert.deepEqual(list(against), []);
  });

  it('keeps one home per tool', () => {
    const astray = imports.filter((entry) =>
      HOMES.some(([tool, homes]) => tool.test(entry.to) && !homes.test(entry.from)),
    );
    assert.deepEqual(list(astray), []);
  });

  it('knows the home of every package', () => {
    const strangers = imports.filter(
      (entry) => !inside(entry) && !entry.to.startsWith('node:') && !entry.to.endsWith('package.json'),
    );
    assert.deepEqual(list(strangers.filter((entry) => !HOMES.some(([tool]) => tool.test(entry.to)))), []);
  });

  it('reads the environment in config.ts only', () => {
    assert.deepEqual(
      files.filter((file) => file !== 'src/config.ts' && /process\.env/.test(text(file))),
      [],
    );
  });

  it('loads what only one adapter needs when it is first used', () => {
    const early = imports.filter(
      (entry) => /^(sharp|undici|@aws-sdk|@smithy|@opentelemetry|@fastify\/otel)/.test(entry.to) && !entry.typeOnly,
    );
    const fixed = early.filter((entry) =>
      new RegExp(`^import (?!type )[^']*'${entry.to}'`, 'm').test(text(entry.from)),
    );
    assert.deepEqual(list(fixed), []);
  });

  it('has files of one thing each', () => {
    assert.deepEqual(
      files.filter((file) => text(file).split('\n').length > 260),
      [],
    );
    assert.deepEqual(
      files.filter((file) => /\/(utils?|helpers?|types|index|common|misc)\.ts$/.test(file)),
      [],
    );
  });
});
