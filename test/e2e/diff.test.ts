import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { isConfirmed, judge, withThird } from '../../tools/diff/judge.ts';
import { agree, differenceOf, type Pixels } from '../../tools/diff/pixels.ts';
import { createContactSheet } from '../../tools/diff/sheet.ts';
import { browserSkip } from '../helpers/browser.ts';

const TOOL = new URL('../../tools/diff.ts', import.meta.url).pathname;
const CASES = new URL('../render/cases/', import.meta.url).pathname;
const PICTURES = ['ok.png', 'ok.jpg', 'ok.avif', '13-crc-idat.png', '08-uncovered.gif'];

const folder = mkdtempSync(join(tmpdir(), 'darkroom-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** One colour all over. */
function plain(width: number, height: number, colour: readonly number[]): Pixels {
  return { width, height, data: Uint8Array.from({ length: width * height * 4 }, (_, at) => colour[at % 4] as number) };
}

/** `pixels` with its last row of another colour. */
function withLastRow({ width, height, data }: Pixels, colour: readonly number[]): Pixels {
  const row = plain(width, 1, colour).data;
  return { width, height, data: Uint8Array.from([...data.subarray(0, -row.length), ...row]) };
}

describe('the differential test', () => {
  it('tells a table of five pictures beside Chromium', { skip: browserSkip }, async () => {
    const files = join(folder, 'files');
    const out = join(folder, 'out');
    mkdirSync(join(files, 'deeper'), { recursive: true });
    for (const name of PICTURES) copyFileSync(join(CASES, name), join(files, 'deeper', name));
    copyFileSync(join(CASES, 'ok.png'), join(files, 'the same again.png'));
    // Whether this machine has a second decoder must not decide.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [TOOL, '--files', files, '--out', out, '--python', join(folder, 'no-python')],
      { timeout: 300_000 },
    );
    const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
    assert.deepEqual(rows.slice(2), [
      '| avif | 1 | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |',
      '| gif | 1 | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |',
      '| jpeg | 1 | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 |',
      '| png | 2 | 1 | 0 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |',
      '| all | 5 | 4 | 0 | 4 | 0 | 0 | 0 | 0 | 1 | 0 |',
    ]);
    assert.match(stdout, /second decoder: none/);
    assert.match(stdout, /^- deeper\/13-crc-idat\.png: 422 original_unreadable; Chromium shown;/m);
    assert.ok(stdout.includes(readFileSync(join(out, 'report.md'), 'utf8')));
    assert.ok(!existsSync(join(out, 'worst.png')), 'a sheet of pictures that do not differ');
  });

  it('measures as pictures are seen: on black and on white, in the mean and in the worst square', () => {
    const grey = plain(64, 64, [100, 100, 100, 255]);
    assert.deepEqual(differenceOf(grey, plain(64, 64, [104, 100, 98, 255])), { mean: 2, block: 2, worst: 4 });
    // Nothing is seen of the colour of what is transparent.
    assert.equal(differenceOf(plain(9, 9, [255, 0, 0, 0]), plain(9, 9, [0, 0, 255, 0])).worst, 0);
    assert.equal(differenceOf(plain(9, 9, [255, 255, 255, 255]), plain(9, 9, [0, 0, 0, 0])).worst, 255);
    const cut = differenceOf(
      plain(64, 512, [250, 250, 250, 255]),
      withLastRow(plain(64, 512, [250, 250, 250, 255]), [0, 0, 0, 0]),
    );
    assert.ok(cut.mean < 1 && !agree(cut), JSON.stringify(cut));
    const turned = differenceOf(plain(4, 3, [1, 1, 1, 255]), plain(3, 4, [1, 1, 1, 255]));
    assert.equal(turned.sizes, '4 × 3 for 3 × 4');
    assert.ok(!agree(turned));
  });

  it('writes a sheet of those that differ, ours beside theirs', async () => {
    const sheet = createContactSheet();
    const [red, blue] = [plain(40, 40, [255, 0, 0, 255]), plain(40, 40, [0, 0, 255, 255])];
    const path = join(folder, 'sheet.png');
    await sheet.add(judge({ path: 'same.png', format: 'png' }, red, red, red), red, red);
    assert.equal(await sheet.write(path), false);
    for (let at = 0; at < 30; at += 1) {
      const judged = judge({ path: `<${at}>.png`, format: 'png' }, red, blue, { why: 'not shown' });
      await sheet.add(judged, red, blue);
    }
    assert.equal(await sheet.write(path), true);
    const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const at = (left: number, top: number) => [...data.subarray((top * info.width + left) * 3).subarray(0, 3)];
    assert.deepEqual([info.width, info.height], [4 * 372, 6 * 206]);
    assert.deepEqual(
      [at(90, 116), at(276, 116), at(1392, 1146)],
      [
        [255, 0, 0],
        [0, 0, 255],
        [0, 0, 255],
      ],
    );
  });

  it('counts a picture once, by the references that agree', () => {
    const [right, wrong, none] = [plain(8, 8, [9, 9, 9, 255]), plain(8, 8, [99, 9, 9, 255]), { why: 'not shown' }];
    const verdicts = [
      [right, right, 'both'],
      [right, wrong, 'chromium'],
      [right, none, 'chromium'],
      [wrong, right, 'second'],
      [none, right, 'second'],
      [wrong, wrong, 'neither'],
      [none, wrong, 'neither'],
      [none, none, 'alone'],
    ] as const;
    for (const [chromium, second, verdict] of verdicts)
      assert.equal(judge({ path: 'a', format: 'png' }, right, chromium, second).verdict, verdict);
    const refusal = { refusal: '422 original_unreadable' };
    assert.equal(judge({ path: 'a', format: 'png' }, refusal, right, none).verdict, 'shown');
    assert.equal(judge({ path: 'a', format: 'png' }, refusal, none, right).verdict, 'refused');
    assert.equal(judge({ path: 'a', format: 'png' }, none, right, none).verdict, 'neither');
  });

  it('is confirmed by a third decoder, or by Chromium’s colours with the alpha of one', () => {
    const [ours, wrong] = [plain(8, 8, [9, 9, 9, 100]), plain(8, 8, [99, 9, 9, 100])];
    const colours = plain(8, 8, [9, 9, 9, 250]);
    const confirmed = (chromium: Pixels, ...third: Pixels[]) => {
      const judged = judge({ path: 'a', format: 'avif' }, ours, chromium, wrong);
      assert.equal(judged.verdict, 'neither');
      const opinions = third.map((shown) => ({ by: 'a decoder', shown }));
      return isConfirmed(withThird(judged, ours, chromium, opinions));
    };
    assert.ok(confirmed(wrong, wrong, ours));
    assert.ok(confirmed(colours, wrong));
    assert.ok(!confirmed(wrong, colours), 'the colours of a third are no witness of their own');
    assert.ok(!confirmed(colours));
    assert.ok(!confirmed(wrong, wrong));
  });
});
