/** What the pages of docs/operations say in code is what presets and inline recipes take. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { parseInlinePreset } from '../../src/presets/inline.ts';
import { NO_ASSETS } from '../../src/presets/known-assets.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { type Preset, presetSchema } from '../../src/presets/schema.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const PAGES = join(ROOT, 'docs/operations');
const ASSETS = join(ROOT, 'examples/assets');
/** An inline recipe declares no suffixes of its own. */
const NEVER_INLINE = ['widths', 'pixelRatios', 'formats'];
/** What an example of one field leaves to its reader: a size, and a fit where the field needs one. */
const BEFORE = ['', 'w_300,', 'w_300,h_200,', 'w_300,h_200,fit_cover,'];
/** Names of URLs, edits and the API, and values with a meaning of their own, that elsewhere.md may name. */
const OTHER_NAMES = ['dl', 'exp', 'v', 'focus', 'alt', 'thumbhash', 'original', 'tile', 'outline', 'srcset'];

const fields = Object.keys(presetSchema.shape);
const pages = globSync('*.md', { cwd: PAGES })
  .sort()
  .map((page) => ({ page, text: readFileSync(join(PAGES, page), 'utf8') }));
const examples = pages.flatMap(({ page, text }) =>
  Array.from(text.matchAll(/^In an inline recipe[\s\S]*?(?=\n\n)/gm), ([paragraph]) => paragraph)
    .flatMap((paragraph) => paragraph.match(/(?<=`)[a-z]+_[^`]+(?=`)/g) ?? [])
    .map((example) => ({ page, example })),
);

const assets = {
  ...NO_ASSETS,
  image: (name: string) => (existsSync(join(ASSETS, name)) ? name : undefined),
};
const presets = createPresets({ definitions: {}, inline: true, faces: true, assets });

const wholeOf = (example: string) => BEFORE.map((before) => before + example).find((text) => parseInlinePreset(text));

describe('the words of the pages of operations', () => {
  it('name every field of presets in code', () => {
    const inCode = new Set(pages.flatMap(({ text }) => text.match(/(?<=[`"])[a-z][A-Za-z]+(?=[`":])/g) ?? []));
    assert.deepEqual(
      fields.filter((field) => !inCode.has(field)),
      [],
    );
  });

  it('spell inline recipes as they are read', () => {
    const wrong = examples.filter(({ example }) => !wholeOf(example));
    assert.deepEqual(wrong, []);
    for (const { page, example } of examples)
      assert.doesNotThrow(() => presets.resolve(wholeOf(example) ?? '', '', 'image/avif'), `${page}: ${example}`);
  });

  it('show the inline spelling of every field', () => {
    const shown = new Set<string>();
    const without: Partial<Preset> = presetSchema.parse({ width: 1 });
    for (const { example } of examples) {
      // A size that the example itself does not give is not shown by it.
      const own = /(^|,)[wh]_/.test(example) ? [] : ['width', 'height'];
      for (const [field, value] of Object.entries(parseInlinePreset(wholeOf(example) ?? '') ?? {}))
        if (!own.includes(field) && JSON.stringify(value) !== JSON.stringify(without[field as keyof Preset]))
          shown.add(field);
    }
    assert.deepEqual(
      fields.filter((field) => !shown.has(field) && !NEVER_INLINE.includes(field)),
      [],
    );
  });

  it('say in elsewhere.md what exists here', () => {
    const known = new Set([...fields, ...namesWithin(presetSchema), ...OTHER_NAMES, 'dominantColor']);
    const text = readFileSync(join(PAGES, 'elsewhere.md'), 'utf8');
    const rows = Array.from(text.matchAll(/^\| (.+?) \| (.+) \|$/gm)).filter(([row]) => !/^\| (option|---)/.test(row));
    assert.ok(rows.length > 100, String(rows.length));
    const unknown = rows.flatMap(([, , here = '']) =>
      (here.match(/(?<=`)[a-z][A-Za-z]+(?=`)(?!` not)/g) ?? []).filter((word) => !known.has(word)),
    );
    assert.deepEqual(unknown, []);
    const silent = rows.filter(([, , here = '']) => !/[a-z]/.test(here) || /\bnot$/.test(here) || /\bnot;/.test(here));
    assert.deepEqual(
      silent.map(([row]) => row),
      [],
      'a "not" without its reason',
    );
  });
});

/** Names of the fields within fields, such as `position` of an overlay. */
function namesWithin(schema: z.ZodType): string[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const names: string[] = [];
  JSON.stringify(properties, (key, value) => {
    if (key === 'properties') names.push(...Object.keys(value));
    return value;
  });
  return names;
}
