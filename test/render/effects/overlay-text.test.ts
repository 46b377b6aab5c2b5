import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { withImages } from '../../helpers/overlay-assets.ts';
import { pixelsOf } from '../../helpers/pictures.ts';

const { render } = withImages();
const paper = await sharp({ create: { width: 800, height: 400, channels: 3, background: '#000000' } })
  .png()
  .toBuffer();
type Picture = Awaited<ReturnType<typeof pixelsOf>>;

async function set(text: object, suffix = '', variables?: Record<string, string>, original = paper): Promise<Picture> {
  const preset = { width: 400, widths: [300], overlays: [{ size: 30, position: 'northwest', ...text }] };
  return pixelsOf((await render(original, preset, suffix, variables)).body);
}

/** The box of all pixels in which a channel is lit; `ink`: the sum of it. */
function inkOf({ data, width, channels }: Picture, channel = 0) {
  const box = { left: width, top: Number.POSITIVE_INFINITY, right: 0, bottom: 0, ink: 0 };
  for (let at = channel; at < data.length; at += channels) {
    const level = data[at] ?? 0;
    if (level < 24) continue;
    const [x, y] = [Math.floor(at / channels) % width, Math.floor(at / channels / width)];
    box.left = Math.min(box.left, x);
    box.top = Math.min(box.top, y);
    box.right = Math.max(box.right, x + 1);
    box.bottom = Math.max(box.bottom, y + 1);
    box.ink += level;
  }
  return box;
}
const same = (a: Picture, b: Picture) => a.data.equals(b.data);

describe('a text overlay', () => {
  it('is set in the font that ships, inside the box that its size and offset say', async () => {
    const { left, top, right, bottom } = inkOf(await set({ text: 'Hxg', offset: { x: 20, y: 10 } }));
    // The letters of DejaVu Sans: H is 0.73 em high and 0.75 wide, g hangs 0.21 below.
    assert.ok(left >= 20 && left <= 22 && top >= 10 && top <= 11, `${left} ${top}`);
    assert.ok(bottom - top >= 26 && bottom - top <= 31, `${bottom - top} high`);
    assert.ok(right - left >= 50 && right - left <= 62, `${right - left} wide`);
    const south = inkOf(await set({ text: 'Hxg', offset: { x: 20, y: 10 }, position: 'southeast' }));
    assert.deepEqual([south.right, south.bottom], [380, 190]);
  });

  it('looks the same at each ratio and width, and on an original that is too small', async () => {
    const small = await sharp(paper).resize(100).png().toBuffer();
    const text = { text: 'Same look', size: 60, outline: { color: '#00ff00', width: 4 }, color: '#ff0000' };
    const share = (picture: Picture, channel: number) => {
      const { left, top, right, bottom } = inkOf(picture, channel);
      return [left, top, right, bottom].map((edge) => edge / picture.width);
    };
    const wanted = await set(text);
    const others = [await set(text, '@2x'), await set(text, '@300w'), await set(text, '', undefined, small)];
    assert.deepEqual(
      others.map(({ width }) => width),
      [800, 300, 100],
    );
    for (const other of others)
      for (const channel of [0, 1]) {
        const [found, right] = [share(other, channel), share(wanted, channel)];
        const off = found.map((edge, at) => Math.abs(edge - (right[at] ?? 0)));
        assert.ok(Math.max(...off) < 0.022, `${other.width}: ${found} is not ${right}`);
      }
  });

  it('breaks lines at its width, and at line breaks', async () => {
    const one = inkOf(await set({ text: 'two words' }));
    const wrapped = inkOf(await set({ text: 'two words', width: 30 }));
    const broken = inkOf(await set({ text: 'two\nwords' }));
    assert.ok(wrapped.right <= 120 && one.right > 120);
    assert.ok(wrapped.bottom > 1.8 * one.bottom && broken.bottom > 1.8 * one.bottom);
    const long = inkOf(await set({ text: 'W'.repeat(60), width: 50 }));
    assert.ok(long.right <= 200, `${long.right}`);
  });

  it('is set smaller where it would not fit, and is cut at the edges at last', async () => {
    const { right, bottom } = inkOf(await set({ text: 'x'.repeat(200), size: 300, width: 40 }));
    assert.ok(right <= 160 && bottom <= 200);
    const tiny = await sharp({ create: { width: 3, height: 2, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    const picture = await set(
      { text: 'much too long for this', size: 900, background: '#ff0000' },
      '',
      undefined,
      tiny,
    );
    assert.deepEqual([picture.width, picture.height], [3, 2]);
  });

  it('has colour, outline and background, each with its own alpha', async () => {
    const text = { text: 'HHH', size: 60, position: 'center' };
    const plain = inkOf(await set({ ...text, color: '#ff0000' }));
    assert.equal(inkOf(await set({ ...text, color: '#ff0000' }), 1).ink, 0);
    const faint = inkOf(await set({ ...text, color: '#ff000080' }));
    assert.ok(Math.abs(faint.ink / plain.ink - 0.5) < 0.08, `${faint.ink / plain.ink}`);
    const outlined = await set({ ...text, color: '#ff0000', outline: { color: '#00ff00', width: 5 } });
    const [inner, outer] = [inkOf(outlined), inkOf(outlined, 1)];
    assert.deepEqual([inner.left - outer.left, outer.right - inner.right, inner.top - outer.top], [5, 5, 5]);
    const plate = await set({ ...text, color: '#ff0000', background: '#0000ff80' });
    const box = inkOf(plate, 2);
    assert.ok(box.left < plain.left - 10 && box.right > plain.right + 10);
    assert.deepEqual(plate.at(box.left + 3, box.top + 3).slice(0, 3), [0, 0, 128]);
  });

  it('is Latin, Greek, Cyrillic, Arabic or Hebrew, and runs from right to left where its letters do', async () => {
    const missing = await set({ text: '\u{2f81a}' });
    for (const text of ['Łódź', 'Ελλάδα', 'Привет', 'مرحبا', 'שלום']) {
      const picture = await set({ text });
      assert.ok(inkOf(picture).ink > 5000, text);
      assert.ok(!same(picture, missing));
    }
    // The wide mem ends the word, so that it stands on its left.
    const [word, last] = [await set({ text: 'iiiם'.replace(/i/g, 'ו') }), await set({ text: 'ם' })];
    const { right, bottom } = inkOf(last);
    for (let y = 0; y < bottom; y += 1)
      for (let x = 0; x < right - 1; x += 1) assert.equal(word.at(x, y)[0], last.at(x, y)[0], `${x} ${y}`);
  });

  it('shows markup as text', async () => {
    const sized = await set({ text: '<span size="300%">a</span>', width: 100 });
    assert.ok(inkOf(sized).right > 300);
    for (const text of ['<b>', '&amp;', '&#65;', '</span>', '<![CDATA[x]]>', '<!--x-->', 'a < b & c > d', '"\''])
      assert.ok(inkOf(await set({ text })).ink > 0, text);
    assert.ok(!same(await set({ text: '&#65;' }), await set({ text: 'A' })));
    assert.ok(!same(await set({ text: '&amp;' }), await set({ text: '&' })));
  });

  it('prints a variable, isolated from the letters around it', async () => {
    const by = (seller: string) => set({ text: '8 {seller} 1', width: 100 }, '', { seller });
    assert.ok(!same(await by('Ann'), await by('Bob')));
    assert.ok(same(await by('Ann'), await by('\u202eAnn\u202c')));
    assert.ok(same(await by('Ann'), await by('A\u200bn\u2060n\ufeff')));
    // Hebrew between two numbers would else make the line run from right to left.
    const last = inkOf(await by('שלום')).right;
    const { data, width, channels } = await by('שלום');
    let atEnd = 0;
    for (let y = 0; y < 60; y += 1)
      for (let x = last - 16; x < last; x += 1) atEnd += data[(y * width + x) * channels] ?? 0;
    const [one, eight] = [inkOf(await set({ text: '1' })).ink, inkOf(await set({ text: '8' })).ink];
    assert.ok(Math.abs(atEnd - one) < Math.abs(atEnd - eight), `${atEnd} is ${eight}, not ${one}`);
  });

  it('takes what the worst sellers are called', { timeout: 240_000 }, async () => {
    const names = [
      ...['', ' ', '\u200b\u200d', '\u202e\u2067', '\u0301', '\ufdfd', '\u3164', '\ud83d\ude00', '\u{e0041}', '\ufffe'],
      ...[
        `a${'\u0301'.repeat(10_000)}`,
        'ﷺ'.repeat(80),
        `${'a\u0489\u20dd\u20e3'.repeat(20)}`,
        'क्ष्म्य',
        '\u0600\u06dd1',
      ],
      ...['<span font="200">', '%s%n', '$' + '{x}', '{seller}', '"><svg/onload=1>', "');DROP TABLE", 'a'.repeat(250)],
    ];
    for (const seller of names) {
      const picture = await set({ text: '{seller}', position: 'north' }, '', { seller });
      assert.deepEqual([picture.width, picture.height], [400, 200], seller.slice(0, 20));
    }
    const zalgo = inkOf(await set({ text: '{seller}' }, '', { seller: `a${'\u0301'.repeat(10_000)}` }));
    assert.ok(zalgo.bottom < 60, `${zalgo.bottom} high`);
  });

  it('comes out alike in another process', async () => {
    const program = `
      const { withImages } = await import(${JSON.stringify(new URL('../../helpers/overlay-assets.ts', import.meta.url).href)});
      const sharp = (await import('sharp')).default;
      const paper = await sharp({ create: { width: 80, height: 40, channels: 3, background: '#000000' } }).png().toBuffer();
      const { body } = await withImages().render(paper, { width: 80, overlays: [{ text: 'Ω ש Ж', size: 20 }] });
      process.stdout.write(body.toString('base64'));`;
    const { execFileSync } = await import('node:child_process');
    const run = () =>
      execFileSync(process.execPath, ['-C', 'development', '--input-type=module', '-e', program], {
        cwd: new URL('../../..', import.meta.url),
        encoding: 'utf8',
      });
    const [one, two] = [run(), run()];
    assert.ok(one.length > 100);
    assert.equal(one, two);
  });
});
