import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { DarkroomError } from '../../src/errors.ts';
import { formatImagePath } from '../../src/url/image-path.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { createVerifier } from '../../src/url/verify.ts';
import { legalId } from '../helpers/arbitraries.ts';
import { bundleForEdge } from '../helpers/edge.ts';
import { parametersOf, vectors } from '../helpers/vectors.ts';

const MAX_GZIPPED_BYTES = 2816;
const NEW_KEY = Buffer.alloc(32, 7);
const OLD_KEY = Buffer.alloc(32, 8);
const both = [NEW_KEY, OLD_KEY];
const verify = createVerifier({ keys: [NEW_KEY.toString('hex'), OLD_KEY] });

const server = createSignatures(both);
/** What the server itself says of a path, by its own code. */
function serverSays(path: string): string {
  try {
    const url = parseImageUrl(path);
    if (!server.verify(url.signature, url)) return '403';
    return url.expiresAt !== undefined && url.expiresAt <= Date.now() / 1000 ? '410' : JSON.stringify(url);
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
    return `${error.status} ${error.publicMessage}`;
  }
}
async function edgeSays(path: string): Promise<string> {
  const verdict = await verify(path);
  if (verdict.ok) return JSON.stringify(verdict.url);
  return verdict.status === 400 || verdict.status === 404
    ? `${verdict.status} ${verdict.message}`
    : String(verdict.status);
}

describe('the verifier', () => {
  it('accepts every published vector with its key, and none with another', async () => {
    for (const vector of vectors) {
      const { name, key, path, preset, suffix, id, expiresAt } = vector;
      const verdict = await createVerifier({ keys: [key] })(`https://img.example.com${path}`);
      assert.ok(verdict.ok || (verdict.error === 'expired' && (expiresAt ?? Infinity) <= Date.now() / 1000), name);
      if (verdict.ok) {
        const { signature: _, ...parts } = verdict.url;
        assert.deepEqual(parts, { preset, suffix, id, ...parametersOf(vector) }, name);
      }
      const other = await createVerifier({ keys: ['55'.repeat(32)] })(path);
      assert.deepEqual([other.ok, !other.ok && other.status], [false, 403], name);
    }
  });

  it('says what the server says, of good URLs and of whatever a stranger makes of them', async () => {
    const now = Math.floor(Date.now() / 1000);
    const exp = fc.constantFrom(undefined, now + 1000, now - 1000, 1);
    const spoil = fc.oneof(
      fc.constant((path: string) => path),
      fc.tuple(fc.nat(), fc.constantFrom('A', '_', '-', '=', '%', '/', '?', '.', '@', '%2f', '%00', '')).map(
        ([at, sign]) =>
          (path: string) =>
            path.slice(0, at % path.length) + sign + path.slice((at % path.length) + 1),
      ),
      fc.constantFrom('?exp=1', '?x=1', '&exp=9999999999', '/', '#').map((end) => (path: string) => path + end),
      fc.string({ maxLength: 40 }).map((text) => () => text),
    );
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        legalId,
        fc.constantFrom('thumb', 'w_1', ''),
        fc.constantFrom('', '@2x.avif'),
        exp,
        fc.constantFrom(...both, Buffer.alloc(32, 9)),
        spoil,
        async (id, preset, suffix, expiresAt, key, change) => {
          const signature = createSignatures([key]).sign({ preset, id, expiresAt });
          const path = change(formatImagePath({ signature, preset, suffix, id, expiresAt }));
          const said = await edgeSays(path);
          assert.equal(said, serverSays(path), path);
          const kind = said.startsWith('{') ? '200' : said.slice(0, 3);
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        },
      ),
      { numRuns: 1000 },
    );
    assert.deepEqual([...seen.keys()].sort(), ['200', '400', '403', '404', '410']);
  });

  it('refuses the twins of a signature', async () => {
    const signature = server.sign({ preset: 'thumb', id: 'a.jpg', expiresAt: undefined });
    const last = signature.at(-1) ?? '';
    // The last character carries four unused bits, so its neighbours decode to the same bytes.
    const twin = signature.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
    for (const wrong of [twin, '', signature.slice(1), signature.slice(0, -1), `${signature}=`, `${signature}A`]) {
      const verdict = await verify(`/${wrong}/thumb/a.jpg`);
      assert.equal(verdict.ok, false, wrong);
    }
    assert.equal((await verify(`/${signature}/thumb/a.jpg`)).ok, true);
  });

  it('needs keys that are keys', () => {
    assert.throws(() => createVerifier({ keys: [] }), /At least one/);
    assert.throws(() => createVerifier({ keys: ['00'] }), /at least 32 bytes/);
  });

  it('imports nothing and is small', async (t) => {
    const code = await bundleForEdge(`export * from './src/url/verify.ts';`);
    assert.doesNotMatch(code, /node:|\brequire\(|^import |\bimport\(|\bBuffer\b|\bprocess\b/m);
    const size = gzipSync(code, { level: 9 }).length;
    t.diagnostic(`${size} bytes gzipped`);
    assert.ok(size < MAX_GZIPPED_BYTES, `${size}`);
  });
});
