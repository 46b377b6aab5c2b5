import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DarkroomError, type ErrorCode } from '../../src/errors.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { documentedSpellings } from '../helpers/spellings.ts';

const folder = new URL('../../docs/', import.meta.url);
const guide = readFileSync(new URL('cdn.md', folder), 'utf8');
const comparison = readFileSync(new URL('comparison.md', folder), 'utf8');

describe('the CDN guide', () => {
  it('says of errors what the server sends', () => {
    const [, kept = ''] = /^\| ([\d, ]+) \| `public, max-age=60`; for a missing original 10 \|/m.exec(guide) ?? [];
    const codes: [ErrorCode, string][] = [
      ['bad_request', 'public, max-age=60'],
      ['bad_signature', 'public, max-age=60'],
      ['unknown_preset', 'public, max-age=60'],
      ['expired', 'public, max-age=60'],
      ['original_too_large', 'public, max-age=60'],
      ['original_unreadable', 'public, max-age=60'],
      ['original_not_found', 'public, max-age=10'],
      ['busy', 'no-store'],
      ['internal', 'no-store'],
      ['method_not_allowed', 'no-store'],
      ['store_failed', 'no-store'],
      ['store_timeout', 'no-store'],
    ];
    for (const [code, cacheControl] of codes) {
      const error = new DarkroomError(code, '');
      assert.equal(error.cacheControl, cacheControl, code);
      assert.equal(kept.split(', ').includes(String(error.status)), cacheControl !== 'no-store', code);
    }
  });

  it('has expressions for Fastly that choose as the server does', () => {
    const [avif, webp] = Array.from(
      guide.matchAll(/req\.http\.Accept ~ "\(\?i\)(.*)"\)/g),
      ([, text = '']) => new RegExp(text, 'i'),
    );
    const presets = createPresets({ definitions: { card: { width: 10 } }, inline: false, faces: true });
    const accepts = [
      'image/avif',
      'text/html, image/AVIF;q=0.8 ,*/*',
      'image/avif;q=0,image/webp',
      'image/avif; q=0.00;v=1',
      'image/avifx',
    ];
    for (const accept of [...accepts, 'image/webp,*/*', 'image/webp;v=1;q=0', 'ximage/webp', '*/*', ''])
      assert.equal(
        avif?.test(accept) ? 'avif' : webp?.test(accept) ? 'webp' : 'base',
        presets.resolve('card', '', accept).recipe.output,
        accept,
      );
  });

  it('counts the spellings of a URL as they are', () => {
    const [, rest = '', count = ''] = /`\/<signature>(\/\S+)` has (\d+) spellings/.exec(guide) ?? [];
    assert.equal(documentedSpellings(`/${'A'.repeat(22)}${rest}`).size, Number(count));
  });

  it('says of each CDN what it does to the path, and what is left', () => {
    const [, section = ''] = /\n## Spellings\n([\s\S]*?)\n## /.exec(guide) ?? [];
    const rows = Array.from(section.matchAll(/^\| ([^|]*) \| ([^|]*) \| ([^|]*) \|$/gm), ([, ...cells]) => cells).slice(
      2,
    );
    for (const name of ['Cloudflare', 'Fastly', 'CloudFront', 'bunny.net', 'nginx', 'edge worker']) {
      const told = rows.filter(([who = '']) => who.includes(name));
      assert.ok(told.length > 0, name);
      for (const cells of told)
        assert.ok(
          cells.every((cell) => cell.trim() !== ''),
          name,
        );
    }
  });

  it('has JSON that can be read', () => {
    const blocks = Array.from(
      guide.matchAll(/```json\n([\s\S]*?)```|--cache-policy-config '([\s\S]*?)'/g),
      ([, a, b]) => a ?? b ?? '',
    );
    assert.equal(blocks.length, 2);
    for (const block of blocks) assert.ok(JSON.parse(block));
  });
});

describe('the guides', () => {
  it('link to what is there', () => {
    for (const text of [guide, comparison])
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
        assert.ok(existsSync(new URL(target, folder)), target);
    const headings = new Set(Array.from(guide.matchAll(/^#+ (.*)$/gm), ([, title = '']) => title.toLowerCase()));
    for (const [, anchor = ''] of guide.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(headings.has(anchor), anchor);
  });
});
