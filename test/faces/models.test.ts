import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { MODELS, readPackagedModel, withMetadata } from '../../tools/make-models.ts';

describe('the models', () => {
  for (const name of MODELS) {
    it(`${name} is what the script makes of MediaPipe's package`, () => {
      const committed = readFileSync(new URL(`../../src/faces/models/${name}`, import.meta.url));
      assert.ok(committed.equals(withMetadata(readPackagedModel(name))), 'run npm run models');
    });

    it(`${name} carries the packaged model unaltered behind the new front`, () => {
      const packaged = readPackagedModel(name);
      const made = Buffer.from(withMetadata(packaged));
      assert.equal((made.length - packaged.length) % 64, 0);
      assert.ok(made.subarray(-packaged.length).equals(packaged));
      assert.ok(made.subarray(0, -packaged.length).includes('TFLITE_METADATA'));
    });

    it(`${name} is not given metadata twice`, () => {
      const made = withMetadata(readPackagedModel(name));
      assert.throws(() => withMetadata(made), /already carries metadata/);
    });
  }
});
