import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readRgbProfile } from '../../../../src/render/formats/colour/rgb-profile.ts';
import { drawsOf } from '../../../helpers/draws.ts';
import {
  bySharpsProfile,
  converted,
  doubtfulProfiles,
  farthest,
  OTHER_COLOURS,
  SRGB_PROFILES,
} from '../../../helpers/profiled.ts';

/** What a profile says, by curves and a matrix, is what sharp makes of it; what is doubtful says nothing. */

/** A cube of colours, and all greys: as many pixels as an even square. */
const SIDE = 32;
const COLOURS = Buffer.alloc(SIDE * SIDE * 3);
for (let at = 0; at < SIDE * SIDE; at += 1) {
  const cell = [at % 9, Math.floor(at / 9) % 9, Math.floor(at / 81) % 9].map((step) => Math.min(255, 32 * step));
  COLOURS.set(at < 729 ? cell : [at - 729, at - 729, at - 729], 3 * at);
}

describe('a colour profile', () => {
  for (const [name, profile] of Object.entries(OTHER_COLOURS))
    it(`of ${name} is read as sharp converts by it, within a level`, async () => {
      const read = readRgbProfile(profile);
      assert.ok(read && read !== 'srgb');
      assert.ok(read.curves.length === 768 && read.matrix.length === 9);
      const [own, theirs] = [converted(COLOURS, read), await bySharpsProfile(COLOURS, SIDE, SIDE, profile)];
      assert.ok(farthest(own, theirs) <= 1, `${farthest(own, theirs)} levels`);
      assert.ok(farthest(own, COLOURS) > 4, 'other colours than those of sRGB');
    });

  for (const [name, profile] of Object.entries(SRGB_PROFILES))
    it(`of sRGB is known by its numbers: ${name}`, async () => {
      assert.equal(readRgbProfile(profile), 'srgb');
      assert.ok(farthest(COLOURS, await bySharpsProfile(COLOURS, SIDE, SIDE, profile)) <= 1);
    });

  for (const [name, profile] of Object.entries(doubtfulProfiles()))
    it(`is not read where it has ${name}`, () => assert.equal(readRgbProfile(profile), undefined));

  it('is read once, and as often as it is asked for', () => {
    const [profile] = Object.values(OTHER_COLOURS);
    assert.ok(profile);
    assert.equal(readRgbProfile(Buffer.from(profile)), readRgbProfile(profile));
  });

  it('that is broken in any way says nothing, or what sharp makes of it', async () => {
    const files = [...Object.values(OTHER_COLOURS), ...Object.values(SRGB_PROFILES)];
    const { below } = drawsOf(20_261_126);
    const counts = { read: 0, refused: 0 };
    for (let n = 0; n < 2000; n += 1) {
      let broken = Buffer.from(files[n % files.length]!);
      for (let change = 0; change <= below(3); change += 1) {
        // Most in the head, the tags and the first numbers of each.
        const at = below(below(3) ? Math.min(broken.length, 700) : broken.length);
        const kind = below(4);
        if (kind === 0) broken[at]! ^= 1 << below(8);
        else if (kind === 1) broken[at] = below(256);
        else if (kind === 2) broken.copy(broken, at, below(broken.length), below(broken.length));
        else if (below(4) === 0) broken = broken.subarray(0, Math.max(1, broken.length - below(40)));
      }
      const read = readRgbProfile(broken);
      counts[read ? 'read' : 'refused'] += 1;
      if (!read) continue;
      const own = read === 'srgb' ? COLOURS : converted(COLOURS, read);
      const far = farthest(own, await bySharpsProfile(COLOURS, SIDE, SIDE, broken));
      assert.ok(far <= 1, `${n}: ${far} levels`);
    }
    assert.ok(counts.read > 200 && counts.refused > 500, JSON.stringify(counts));
  });
});
