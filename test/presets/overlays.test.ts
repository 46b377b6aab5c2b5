import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cleanValue } from '../../src/presets/fields/overlays/variables.ts';
import { type KnownAssets, NO_ASSETS } from '../../src/presets/known-assets.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { renditionKey } from '../../src/renditions/keys.ts';

const assets: KnownAssets = { ...NO_ASSETS, image: (name: string) => (name === 'logo.png' ? 'd1' : undefined) };
const of = (definitions: unknown, known = assets) =>
  createPresets({ definitions, inline: true, faces: false, assets: known });
const withOverlay = (overlay: object) => of({ card: { width: 100, overlays: [overlay] } });
const resolve = (name: string, variables?: Record<string, string>) =>
  of({ named: { width: 100, overlays: [{ text: 'by {seller}, {city}' }] }, plain: { width: 100 } }).resolve(
    name,
    '',
    undefined,
    variables,
  );
const b64 = (text: string) => Buffer.from(text).toString('base64url');

describe('overlays of presets', () => {
  it('are refused with a sentence where they contradict themselves', () => {
    const sentences: [object, RegExp][] = [
      [{}, /card\.overlays\.0: needs an image or a text/],
      [{ image: 'logo.png', text: 'x' }, /not both/],
      [{ image: 'logo.png', size: 9 }, /has no font, size/],
      [{ image: 'logo.png', position: 'north', tile: true }, /both a position and tile/],
      [{ image: 'logo.png', tile: true, offset: { x: -1, y: 0 } }, /cannot be negative/],
      [{ image: 'logo.png', position: 'middle' }, /overlays\.0\.position/],
      [{ image: 'logo.png', opacity: 0 }, /opacity/],
      [{ image: 'logo.png', width: 101 }, /width/],
      [{ text: 'a\u0007' }, /without control characters/],
      [{ text: 'by {Seller}' }, /brace that is no variable/],
      [{ text: 'x', color: 'red' }, /colour such as/],
      [{ text: '{a}{b}{c}{d}{e}{f}{g}{h}{i}' }, /more than 8 variables/],
    ];
    for (const [overlay, sentence] of sentences) assert.throws(() => withOverlay(overlay), sentence);
    const five = Array.from({ length: 5 }, () => ({ text: 'x' }));
    assert.throws(() => of({ card: { width: 100, overlays: five } }), /overlays/);
    assert.throws(() => of({ card: { width: 100, fallbackStatus: 200 } }), /needs a fallback/);
    assert.throws(() => of({ card: { width: 100, fallback: 'logo.png', fallbackStatus: 500 } }), /200 or 404/);
  });

  it('name assets that exist, by paths that stay in their folder', () => {
    for (const name of [
      '../logo.png',
      '/logo.png',
      'a/../../b.png',
      './logo.png',
      'a//b.png',
      'a\\b.png',
      '.hidden',
      'a\0b',
    ])
      for (const preset of [
        { overlays: [{ image: name }] },
        { overlays: [{ text: 'x', font: name }] },
        { fallback: name },
      ])
        assert.throws(() => of({ card: { width: 100, ...preset } }), /expected the name of an asset/, name);
    assert.throws(() => withOverlay({ image: 'other.png' }), /card names the image other\.png/);
    assert.throws(() => withOverlay({ text: 'x', font: 'brand.ttf' }), /card names the font brand\.ttf/);
    assert.throws(() => of({ card: { width: 100, fallback: 'other.png' } }), /card names the image other\.png/);
  });

  it('change the keys of their renditions with their assets, and no others', () => {
    const definitions = { card: { width: 100, overlays: [{ image: 'logo.png' }] }, plain: { width: 100 } };
    const changed = { ...assets, image: () => 'd2' };
    const key = (name: string, known = assets) =>
      renditionKey('a.jpg', of(definitions, known).resolve(name, '', undefined), 'r1');
    assert.notEqual(key('card'), key('card', changed));
    assert.equal(key('plain'), key('plain', changed));
    const text = { text: { width: 100, overlays: [{ text: 'x' }] } };
    const fonts = { ...assets, fontsDigest: 'other' };
    const textKey = (known: typeof assets) =>
      renditionKey('a.jpg', of(text, known).resolve('text', '', undefined), 'r1');
    assert.notEqual(textKey(assets), textKey(fonts));
  });
});

describe('variables', () => {
  it('are those that a preset names: no more, no less', () => {
    const { effects } = resolve('named', { seller: 'Ann', city: 'Ulm' }).recipe;
    assert.equal(JSON.stringify(effects?.overlay).includes('Ann'), true);
    for (const variables of [
      undefined,
      { seller: 'A' },
      { seller: 'A', city: 'B', x: 'C' },
      { seller: 'A', town: 'B' },
    ])
      assert.throws(() => resolve('named', variables), { code: 'unknown_preset' });
    assert.throws(() => resolve('plain', { seller: 'A' }), { code: 'unknown_preset' });
    assert.throws(() => resolve('missing', { seller: 'A' }), { code: 'unknown_preset' });
  });

  it('stand in keys as they are printed', () => {
    const key = (seller: string) => renditionKey('a.jpg', resolve('named', { seller, city: '' }), 'r1');
    assert.notEqual(key('Ann'), key('Bob'));
    assert.equal(key('Ann'), key(' \u202eA\u200bnn '));
    assert.equal(key('é'), key('e\u0301'));
  });

  it('come out without what could move, hide or pile up letters', () => {
    const cleaned: [string, string][] = [
      ['\u202eevil\u202c \u2066x\u2069\u200e\u061c', 'evil x'],
      ['a\u200b\u2060\ufeff\u00adb', 'a b'],
      [`a${'\u0301'.repeat(10_000)}b`, 'á\u0301\u0301\u0301b'],
      ['\u0301\u0302x', 'x'],
      ['a\n\r\u2028b', 'a b'],
      ['می\u200cخواهم', 'می\u200cخواهم'],
      ['a\u200d\u200d\u200db \u200cc', 'a\u200db c'],
      ['\ue000\u{f0000}\u0378\ud800x', 'x'],
      ['<b>&amp;</b>', '<b>&amp;</b>'],
    ];
    for (const [value, printed] of cleaned)
      assert.equal(cleanValue(value), printed, JSON.stringify(value.slice(0, 20)));
  });

  it('of plain letters are cleaned as they are beside others', () => {
    for (let code = 0; code < 0x250; code += 1) {
      const own = String.fromCodePoint(code);
      for (const value of [
        `x${own}y`,
        `${own}${own}`,
        ` ${own}`,
        `${own} `,
        `x ${own} y`,
        `x  ${own}`,
        `x${own}\u0301`,
      ])
        assert.equal(`${cleanValue(`x${value}y`)}€`, cleanValue(`x${value}y€`), `${code} in ${JSON.stringify(value)}`);
      assert.equal(cleanValue(`${own}€${own}`), cleanValue(cleanValue(`${own}€${own}`)));
    }
  });

  it('that print nothing leave their overlay out', () => {
    const only = of({ card: { width: 100, overlays: [{ text: '{seller}' }] } });
    assert.ok(!('effects' in only.resolve('card', '', undefined, { seller: '\u200b' }).recipe));
  });

  it('make no text of more than 300 letters', () => {
    const long = of({ card: { width: 100, overlays: [{ text: '{a}{b}' }] } });
    assert.ok(long.resolve('card', '', undefined, { a: 'x'.repeat(140), b: 'y'.repeat(140) }));
    const tooLong = { a: 'x'.repeat(200), b: 'y'.repeat(200) };
    assert.throws(() => long.resolve('card', '', undefined, tooLong), { code: 'unknown_preset' });
  });
});

describe('overlays of inline recipes', () => {
  it('are written as names and values in turn', () => {
    const first = `image:${b64('logo.png')}:at:north:x:8:y:-4:w:20:opacity:0p5:rotate:-30:blend:multiply:min:300`;
    const second = `text:${b64('© {seller}')}:size:18p5:color:ffffff80:outline:000000:ow:3:bg:ff0000:tile:1`;
    const presets = of({});
    const { effects } = presets.resolve(`w_300,o_${first}::${second}`, '', undefined, { seller: 'Ann' }).recipe;
    assert.deepEqual(effects?.overlay, [
      {
        ...{ image: 'd1', position: 'north', offset: { x: 8, y: -4 }, opacity: 0.5, rotate: -30, blend: 'multiply' },
        ...{ width: 0.2, minWidth: 300 },
      },
      {
        ...{ text: '\u200e© \u2068Ann\u2069', font: '', fonts: NO_ASSETS.fontsDigest, size: 18.5, color: '#ffffff80' },
        ...{ outline: { color: '#000000', width: 3 }, background: '#ff0000' },
        ...{ position: 'tile', offset: { x: 0, y: 0 }, opacity: 1, rotate: 0, blend: 'over' },
      },
    ]);
    const { fallback } = presets.resolve(`w_300,fallback_${b64('logo.png')},fs_200`, '', undefined);
    assert.deepEqual(fallback, { image: 'd1', status: 200 });
  });

  it('are 404 where they are spelled otherwise, name no asset or are too many', () => {
    const image = `image:${b64('logo.png')}`;
    const bad = [
      ...[
        'o_',
        'o_image',
        'o_image:',
        'o_:',
        'o_text:!!',
        `o_${image}:`,
        `o_${image}:w`,
        `o_${image}:w:`,
        `o_${image}:::`,
      ],
      ...[
        `o_${image}:${image}`,
        `o_${image}:constructor:1`,
        `o_${image}:w:1e1`,
        `o_${image}:tile:0`,
        `o_image:${b64('x.png')}`,
      ],
      ...[
        `o_image:${b64('../logo.png')}`,
        `o_image:${b64('logo.png')}=`,
        `o_text:${b64('x')}x`,
        'o_text:_w',
        'o_text:gICA',
      ],
      ...[
        `o_text:${b64('a\u0007')}:size:0`,
        `o_text:${b64('{')}`,
        `o_text:${b64('x')}:ow:3`,
        `fallback_${b64('x.png')}`,
      ],
      ...['fs_200', `fallback_${b64('../x')}`, `o_${Array.from({ length: 5 }, () => image).join('::')}`],
      ...[`o_text:${b64('x'.repeat(201))}`, `o_${image},o_${image}`, `o_text:${b64('x'.repeat(900))}`],
    ];
    for (const part of bad)
      assert.throws(() => of({}).resolve(`w_300,${part}`, '', undefined), { code: 'unknown_preset' }, part);
  });

  it('have keys that fit into S3, and other recipes keep theirs', () => {
    const text = `o_text:${b64('long '.repeat(30))}`;
    const variant = of({}).resolve(
      `w_300,${Array.from({ length: 1 }, () => text).join('')}::${text.slice(2)}::${text.slice(2)}`,
      '',
      undefined,
    );
    const key = renditionKey('a/'.repeat(255), variant, 'r1');
    assert.ok(Buffer.byteLength(key) <= 1000, `${key.length}`);
    const short = of({}).resolve('w_300,fit_inside,f_webp', '@2x', undefined);
    assert.match(renditionKey('a.jpg', short, 'r1'), /^a\.jpg\/w_300,fit_inside,f_webp@2x-[0-9a-f]{16}\.webp$/);
    const other = renditionKey('a.jpg', { ...variant, preset: `${variant.preset}x` }, 'r1');
    assert.notEqual(other, renditionKey('a.jpg', variant, 'r1'));
  });
});
