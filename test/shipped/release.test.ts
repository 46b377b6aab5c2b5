import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { ROOT } from '../helpers/edge.ts';

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly optional?: boolean;
}

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const manifest = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));
const locked = Object.entries(lock.packages as Record<string, Locked>).filter(([path]) => path !== '');

/** Licences whose only condition is a notice, and LGPL and MPL for libvips, libheif and resvg, which lie beside the bundle, unchanged and replaceable. */
const ALLOWED = new Set([
  ...['Apache-2.0', 'MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0'],
  ...['LGPL-3.0-or-later', 'LGPL-3.0', 'MPL-2.0', 'Unlicense'],
]);

/** Why a licence is not allowed; undefined when it is. Of a choice (`OR`), one suffices. */
function objection(licence: unknown): string | undefined {
  if (typeof licence !== 'string') return `no licence: ${JSON.stringify(licence)}`;
  const choices = licence.replace(/[()]/g, '').split(' OR ');
  const fine = choices.some((choice) => choice.split(' AND ').every((part) => ALLOWED.has(part)));
  return fine ? undefined : licence;
}

describe('dependencies', () => {
  it('are pinned to one version each, and the lock file agrees', () => {
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, version] of Object.entries(wanted)) {
      assert.match(String(version), /^\d+\.\d+\.\d+(\.\d+)?(-[\w.]+)?$/, name);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, name);
    }
    assert.deepEqual(lock.packages[''].dependencies, manifest.dependencies);
    assert.deepEqual(lock.packages[''].devDependencies, manifest.devDependencies);
    assert.deepEqual([lock.version, lock.lockfileVersion], [manifest.version, 3]);
  });

  it('are locked by checksum, and by no address of anybody’s registry', () => {
    for (const [path, { integrity, link }] of locked) {
      const ours = path.startsWith('packages/');
      assert.ok(ours || link || /^sha512-/.test(integrity ?? ''), path);
    }
    assert.doesNotMatch(read('package-lock.json'), /"resolved": "(?!packages\/)/);
  });

  it('of the server have licences that allow it', () => {
    const installed = locked.filter(([path, { dev }]) => !dev && existsSync(join(ROOT, path)));
    assert.ok(installed.length > 50);
    const against = installed.flatMap(([path]) => {
      const { license, licenses } = JSON.parse(read(join(path, 'package.json')));
      const reason = objection(license ?? licenses);
      return reason ? [`${path}: ${reason}`] : [];
    });
    assert.deepEqual(against, []);
    const forbidden = [
      'GPL-3.0-only',
      'AGPL-3.0',
      'UNLICENSED',
      'MIT AND GPL-2.0',
      undefined,
      'SEE LICENSE IN x',
      'BUSL-1.1',
    ];
    assert.equal(forbidden.filter((licence) => objection(licence)).length, forbidden.length);
    assert.equal(objection('(GPL-2.0 OR MIT)'), undefined);
  });

  it('that a bundle leaves outside are all named in NOTICE', () => {
    for (const name of ['sharp', 'libvips', 'MediaPipe', 'libheif', 'libde265', 'ImageMagick', 'resvg'])
      assert.match(read('NOTICE'), new RegExp(name));
  });
});

describe('NOTICE', () => {
  it('names every sample and every model', () => {
    const notice = read('NOTICE');
    const samples = globSync('*.{jpg,png,webp,gif,avif}', { cwd: join(ROOT, 'samples') });
    assert.ok(samples.length >= 8);
    for (const sample of samples) assert.ok(notice.includes(sample), sample);
    for (const model of globSync('*.tflite', { cwd: join(ROOT, 'src/faces/models') }))
      assert.ok(notice.includes(/short|full/.exec(model)?.[0] ?? model), model);
    for (const font of globSync('*.ttf', { cwd: join(ROOT, 'src/render/effects/overlay/fonts') }))
      assert.ok(notice.includes(font), font);
    assert.ok(notice.includes(manifest.devDependencies['@mediapipe/face_detection']));
    assert.equal(manifest.license, 'Apache-2.0');
    assert.match(read('LICENSE'), /Apache License\s+Version 2\.0/);
  });
});

describe('the audit', () => {
  const PATH = '/-/npm/v1/security/advisories/bulk';
  const ADVISORY = {
    id: 1,
    url: 'https://example.com/1',
    title: 'invented',
    severity: 'high',
    vulnerable_versions: '*',
  };

  /** Runs the audit against a registry on loopback. */
  async function audit(listener: RequestListener): Promise<{ code: number; output: string }> {
    const server = createServer((request, response) => {
      if (request.url === PATH) return listener(request, response);
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['build/audit.ts', `--registry=${registry}`, '--fetch-retries=0'];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    server.closeAllConnections();
    server.close();
    return { code, output };
  }
  const json =
    (status: number, body: unknown): RequestListener =>
    (_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  it('passes where nothing is known', async () => {
    const { code, output } = await audit(json(200, {}));
    assert.deepEqual([code, output], [0, 'audit: 0 packages with known vulnerabilities\n']);
  });

  it('fails for a finding', async () => {
    const { code, output } = await audit(json(200, { sharp: [ADVISORY] }));
    assert.equal(code, 1);
    assert.match(output, /^audit: sharp: high$/m);
  });

  it('lets pass a registry without audits, and says so', async () => {
    const { code, output } = await audit(json(405, {}));
    assert.equal(code, 0);
    assert.match(output, /cannot be asked/);
  });
});
