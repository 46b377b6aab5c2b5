import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { createUrlResolver, type Traces } from '../../src/http/resolve.ts';
import type { LegacySettings, SchemeName } from '../../src/legacy/scheme.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { startApp, TEST_KEY } from '../helpers/app.ts';
import { cloudinaryPath, imgproxyPath, legacySettings, thumborPath } from '../helpers/legacy.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawExchange } from '../helpers/raw-http.ts';
import { CLOUDINARY, IMGPROXY, THUMBOR } from './options.ts';

const TOTAL = 20_000;

/** Numbers from 0 to 1 of a fixed seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
const random = seeded(23);
const below = (count: number) => Math.floor(random() * count);
const oneOf = <T>(all: readonly T[]): T => all[below(all.length)] as T;

/** What strangers write where a number or a name is expected. */
const HOSTILE = [
  ...[
    '..',
    '../../etc/passwd',
    '%2e%2e%2f',
    '%252e%252e',
    '%00',
    '\0',
    '%',
    '%zz',
    '%c3%28',
    '%F0%9F%98%8D',
    'ü',
    '�',
    '/',
    '//',
    '\\',
  ],
  ...[
    '99999999999999999999',
    '1e309',
    '-1',
    '0x10',
    'NaN',
    'Infinity',
    '-0',
    '1.5',
    '.5',
    '0.0000001',
    '00001',
    '٣',
    '１',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'prototype',
    '%7B7*7%7D',
    '<script>',
    "'",
    '"',
    '(((((((',
    ')',
    '|',
    '*',
    '@',
    '#',
    '?',
    '&',
    '=',
    ':',
    ',',
    ';',
  ],
  ...[
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'http://localhost:9091/metrics',
    'gopher://x',
    'javascript:alert(1)',
  ],
  ...[
    'a'.repeat(300),
    '9'.repeat(10_000),
    '('.repeat(3000),
    'w:1/'.repeat(2000),
    'a,'.repeat(4000),
    '-',
    '_',
    's--',
    'enc',
    'plain',
    'unsafe',
    'v1',
    'filters:',
  ],
];

function mutated(text: string): string {
  let changed = text;
  for (let times = below(4); times >= 0; times -= 1) {
    const at = below(changed.length + 1);
    const kind = below(5);
    if (kind === 0) changed = changed.slice(0, at) + oneOf(HOSTILE) + changed.slice(at);
    else if (kind === 1) changed = changed.slice(0, at) + changed.slice(at + below(6));
    else if (kind === 2) changed = changed.replace(/\d+/, oneOf(HOSTILE));
    else if (kind === 3) changed += oneOf([':', '/', ',', '(', '%']) + changed.slice(at);
    else changed = changed.slice(0, at) + String.fromCharCode(below(0x250)) + changed.slice(at + 1);
  }
  return changed;
}

const SCHEMES: readonly {
  scheme: SchemeName;
  rows: readonly (readonly [string, unknown])[];
  sign: (rest: string) => string;
}[] = [
  { scheme: 'imgproxy', rows: IMGPROXY, sign: (options) => imgproxyPath(`/${options}/plain/${source()}`) },
  { scheme: 'thumbor', rows: THUMBOR, sign: (options) => thumborPath(`${options}/${source()}`) },
  { scheme: 'cloudinary', rows: CLOUDINARY, sign: (options) => cloudinaryPath(`${options}/${source()}`) },
];
const source = () =>
  oneOf([
    'a.jpg',
    'https://cdn.example.com/photos/a.jpg',
    `https://cdn.example.com/photos/${oneOf(HOSTILE)}`,
    oneOf(HOSTILE),
  ]);

function resolverOf(legacy: LegacySettings) {
  const presets = createPresets({ definitions: {}, inline: true, faces: true, renderTimeoutMs: 20_000 });
  return createUrlResolver({ signatures: createSignatures([TEST_KEY]), presets, renderVersion: 'x', legacy });
}

const settingsOf = (scheme: SchemeName) =>
  legacySettings(scheme, {
    SOURCE: 'https://cdn.example.com/photos/=shop/',
    WATERMARK: 'mark.png',
    PRESETS: 'card=w:100',
  });

describe('random and hostile old URLs', () => {
  for (const { scheme, rows, sign } of SCHEMES) {
    it(`of ${scheme} come to an id of the shop or to a 4xx, with a right signature and with none`, (context) => {
      const resolve = resolverOf(settingsOf(scheme));
      let served = 0;
      for (let times = 0; times < TOTAL / SCHEMES.length; times += 1) {
        const path = times % 4 === 3 ? `/${mutated(oneOf(HOSTILE))}/${oneOf(HOSTILE)}` : sign(mutated(oneOf(rows)[0]));
        const traces: Traces = {};
        try {
          const { url, variant } = resolve(path, undefined, traces);
          served += 1;
          assert.ok(!url.id.split('/').includes('..') && !url.id.startsWith('/') && !url.id.includes('\0'), url.id);
          // An address stands for nothing but what the settings say.
          assert.doesNotMatch(url.id, /^[a-z][a-z0-9+.-]*:\/\//i);
          assert.ok((variant.recipe.width ?? 0) <= 8192 && (variant.recipe.height ?? 0) <= 8192);
          assert.notEqual(variant.recipe.output, 'original');
        } catch (error) {
          if (!(error instanceof DarkroomError))
            throw new Error(`${JSON.stringify(path.slice(0, 300))}: ${error}`, { cause: error });
          assert.ok(error.status >= 400 && error.status < 500, `${path}: ${error.status}`);
          assert.ok(
            error.publicMessage.length < 700 && /^[\x20-\x7e…’“”]*$/.test(error.publicMessage),
            error.publicMessage,
          );
        }
      }
      context.diagnostic(`${served} were served`);
      assert.ok(served > 100, 'some mutations stay valid');
    });
  }

  it('over the wire are 4xx or pictures, and reach no address', async () => {
    const originals = createMemoryStore();
    const app = await startApp({ originals: originals.store, legacy: settingsOf('imgproxy') });
    const { fetch } = globalThis;
    const reached: string[] = [];
    globalThis.fetch = async (input) => {
      reached.push(String(input));
      throw new Error('no address is fetched');
    };
    try {
      for (let times = 0; times < 300; times += 1) {
        const path = imgproxyPath(`/${mutated(oneOf(IMGPROXY)[0])}/plain/${source()}`);
        const target = encodeURI(path).slice(0, 12_000);
        const answer = await rawExchange(
          app.port,
          `GET ${times % 2 ? target : path.replaceAll(/\s/g, '')} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
        );
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, path.slice(0, 200));
      }
      assert.deepEqual(reached, []);
      // Ids below the shop's prefix or of paths without an address, each asked of the store alone.
      for (const call of originals.calls) assert.doesNotMatch(call, /\.\.|:\/\/|\0/);
    } finally {
      globalThis.fetch = fetch;
      await app.dispose();
    }
  });
});
