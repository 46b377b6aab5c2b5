import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { heicFile } from '../helpers/heic-files.ts';
import { type RawAnswer, rawGet } from '../helpers/raw-http.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { HEIC_IDS, operations } from './operations.ts';
import * as urls from './urls.ts';

const SAMPLES = new URL('../../samples/', import.meta.url).pathname;
const HEADERS = [
  ...['content-type', 'content-length', 'cache-control', 'vary', 'etag', 'last-modified', 'accept-ranges'],
  ...['cache-tag', 'cdn-tag', 'surrogate-key', 'cache-status', 'location', 'allow', 'x-error'],
];
/** The machine's own memory would decide what is at hand decoded, and so how a rendition is made; and the list is of what sharp makes. */
const SAME_EVERYWHERE = { DARKROOM_MEMORY_CACHE: '64MiB', DARKROOM_ENGINE: 'off' };
/** For faces to be found, and the list then to be made with them. */
const PATIENCE_MS = 90_000;
const WORKING_COPY_MS = 20_000;

/** A picture was framed without its faces, because they were not known in time. */
class FacesMissed extends Error {}

/** The list, a line an answer. `main`: the server's entry. `coder`: of the operations, AVIF alone, because that coder makes nothing else. */
export async function listAnswers(main: string, coder?: 'svt-av1'): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-golden-'));
    try {
      return await askAll(main, folder, deadline, coder);
    } catch (error) {
      // From the start: what a rendition is made of depends on all that was asked before.
      if (!(error instanceof FacesMissed) || performance.now() > deadline) throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function askAll(main: string, folder: string, deadline: number, coder?: string): Promise<string[]> {
  const originals = join(folder, 'originals');
  const results = join(folder, 'results');
  const presets = join(folder, 'presets.json');
  const lines = await layOut(originals);
  await writeFile(presets, JSON.stringify(urls.PRESETS));
  const ofOperations = operations();
  const operationPresets = join(folder, 'operations.json');
  await writeFile(operationPresets, JSON.stringify(ofOperations.presets));
  const locations = { DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: `file:${results}` };

  async function withServer(settings: Record<string, string>, use: (server: TestServer) => Promise<void>) {
    const server = await startServer({ ...SAME_EVERYWHERE, ...locations, ...settings }, undefined, main);
    try {
      await use(server);
      // Politely: what is kept is on the disk when the next one starts.
      if ((await server.stop()) !== 0) throw new Error(`the server failed: ${server.output()}`);
    } finally {
      await server.dispose();
    }
  }

  // By a process of its own: how often it has to try would change what the next one has decoded in memory.
  await withServer({}, (server) => findFaces(server, deadline));
  await withServer({}, async (server) => {
    lines.push(...(await ask(server, urls.BUILT_IN_URLS)));
    await until(performance.now() + WORKING_COPY_MS, 'a working copy', async () => {
      // Saved behind the answer: its folder need not be there yet.
      const kept = await readdir(join(results, encodeURIComponent(urls.DEAR_ID))).catch(() => []);
      return kept.some((name) => name.endsWith('.jpg'));
    });
  });
  await withServer({ DARKROOM_PRESETS: presets }, async (server) => {
    lines.push(...(await ask(server, urls.OWN_PRESETS_URLS)).map((line) => `own presets: ${line}`));
  });
  const drawn = { DARKROOM_PRESETS: operationPresets, DARKROOM_ASSETS: `file:${join(SAMPLES, '../examples/assets')}` };
  await withServer(drawn, async (server) => {
    const questions = ofOperations.asked
      .filter(({ preset }) => coder === undefined || preset.endsWith('.avif'))
      .map(({ preset, id, label }) => ({
        label,
        path: (sign: urls.Sign) => sign(preset, id),
      }));
    lines.push(...(await ask(server, questions)).map((line) => `operations: ${line}`));
  });
  return lines;
}

/** The samples, and what is made by code; a line for each of the latter, so that a changed original is not taken for a changed answer. */
async function layOut(folder: string): Promise<string[]> {
  // AVIF differs with the number of threads.
  sharp.concurrency(1);
  const coffee = await readFile(join(SAMPLES, 'coffee.jpg'));
  const enlarged = (name: string, width: number) => sharp(join(SAMPLES, name)).resize({ width });
  const made: Record<string, Buffer> = {
    [urls.AWKWARD_ID]: coffee,
    'large.jpg': await enlarged('astronaut.jpg', 1800).jpeg({ quality: 90 }).toBuffer(),
    [urls.DEAR_ID]: await enlarged('coffee.jpg', 1800).avif({ quality: 60, effort: 0 }).toBuffer(),
    'truncated.jpg': coffee.subarray(0, coffee.length / 2),
    'text.jpg': Buffer.from('This is no picture.\n'),
    'empty.jpg': Buffer.alloc(0),
    'drawing.png': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'),
  };
  await cp(SAMPLES, folder, { recursive: true });
  for (const id of HEIC_IDS) await writeFile(join(folder, id), heicFile(id));
  for (const [id, body] of Object.entries(made)) {
    await mkdir(dirname(join(folder, id)), { recursive: true });
    await writeFile(join(folder, id), body);
  }
  return Object.entries(made).map(([id, body]) => `(original) ${id} | sha256: ${sha256(body)}`);
}

/** Has all faces looked for, as deep as any crop needs. They are kept beside the results. */
async function findFaces(server: TestServer, deadline: number): Promise<void> {
  const cropped = urls.WITH_FACES.map((id) => [id, 'w_200,h_200,fit_cover,z_3,f_webp'] as const);
  const covered = urls.FACES_COVERED.map((id) => [id, 'w_150,redact_faces:blur,f_webp'] as const);
  for (const [id, recipe] of [...cropped, ...covered]) {
    const path = server.path(recipe, id);
    await until(deadline, `a look at ${id}`, async () => {
      const answer = await rawGet(server.baseUrl, path);
      // Covers wait for a look that ended, with a 503.
      if (answer.status !== 200 && answer.status !== 503) throw new Error(`${id}: ${answer.status} ${answer.body}`);
      return answer.status === 200 && !isProvisional(answer);
    });
  }
}

async function until(deadline: number, what: string, happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) {
    if (performance.now() > deadline) throw new Error(`this machine is too slow for ${what}`);
    await sleep(100);
  }
}

/** A picture in place of an original is kept as briefly, and says why. */
const isProvisional = ({ status, headers }: RawAnswer) =>
  status === 200 && headers['cache-control'] === 'public, max-age=60' && !headers['x-error'];

/** Strictly one after the other. */
async function ask(server: TestServer, questions: readonly urls.Question[]): Promise<string[]> {
  const etags = new Map<string, string>();
  const lines: string[] = [];
  for (const { label, path, method = 'GET', accept, ifNoneMatch, expiresSoon } of questions) {
    const target = path(server.path);
    const condition = ifNoneMatch === 'own' ? etags.get(target) : ifNoneMatch;
    const headers = { ...(accept ? { accept } : {}), ...(condition ? { 'if-none-match': condition } : {}) };
    const answer = await rawGet(server.baseUrl, target, { method, headers });
    if (isProvisional(answer)) throw new FacesMissed(`${label}: framed without faces, which were not known in time`);
    if (answer.headers.etag) etags.set(target, answer.headers.etag);
    lines.push(lineOf(label, answer, expiresSoon));
  }
  return lines;
}

function lineOf(label: string, { status, headers, body }: RawAnswer, expiresSoon = false): string {
  const id = String(headers['x-request-id']);
  const told = { ...headers };
  const tellsId = told['x-error'] !== undefined && !told['content-type']?.startsWith('image/');
  // Longer with every request, so that a new line in the list would change those after it.
  if (tellsId) told['content-length'] = `${Number(told['content-length']) - id.length} beside the request's id`;
  if (expiresSoon) told['cache-control'] = told['cache-control']?.replace(/\d+/, '(seconds left)');
  if (told['last-modified']) told['last-modified'] = '(when it was rendered)';
  const fields = HEADERS.filter((name) => told[name] !== undefined).map((name) => `${name}: ${told[name]}`);
  const lasting = tellsId ? Buffer.from(body.toString().replace(id, '')) : body;
  return [label, status, ...fields, body.length > 0 ? `sha256: ${sha256(lasting)}` : 'no body'].join(' | ');
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
