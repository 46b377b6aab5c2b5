import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { slowPng } from '../helpers/bombs.ts';
import { PLAIN } from '../helpers/pictures.ts';

/** Of a decode that takes some 25 s of CPU: over a second on any machine there is. */
const LIMIT_S = 1;
const renderer = createRenderer({ maxPixels: 1_000_000_000, maxFrames: 1, timeoutSeconds: LIMIT_S });
const original = await renderer.examine(slowPng());
/** libvips looks at the clock between rows of what it writes, so there have to be many. */
const HEIGHT = 6000;

describe('the time limit of a decode', () => {
  const ways: [what: string, decode: () => Promise<unknown>][] = [
    [
      'for one rendition',
      () => renderer.render(original, { ...PLAIN, height: HEIGHT, output: 'jpeg' }, createStepTimer(), async () => []),
    ],
    [
      'for all renditions at once',
      () => {
        const header = { ...original.header, stored: { width: 750, height: HEIGHT } };
        return renderer.decodeDownscaled(original, [{ kind: 'pixels', decodedFrom: 'original', header }]);
      },
    ],
  ];
  for (const [what, decode] of ways) {
    it(`ends one that takes too long, ${what}: render_timeout, which says when to come back`, async () => {
      await assert.rejects(
        decode(),
        (error) => error instanceof DarkroomError && error.code === 'render_timeout' && (error.retryAfter ?? 0) > 0,
      );
    });
  }
});
