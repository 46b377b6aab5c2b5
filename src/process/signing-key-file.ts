import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OperatorError } from '../errors.ts';

const SIGNING_KEY_FILE = './data/signing-key';
const KEY_BYTES = 32;

/**
 * The development key, shared by server and command line: read from its file, or written there on first use with access for its
 * owner only. Throws when the file holds anything but a hex key.
 */
export async function loadOrMakeSigningKey(path = SIGNING_KEY_FILE): Promise<Buffer> {
  await mkdir(dirname(path), { recursive: true });
  try {
    // `wx` so that two processes that start together agree on one key.
    await writeFile(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return loadSigningKey(path);
}

/** The key that a server made in this folder. Throws an OperatorError where there is none: no server would verify a new one. */
export async function loadSigningKey(path = SIGNING_KEY_FILE): Promise<Buffer> {
  const text = (await readFile(path, 'utf8').catch(missingKey(path))).trim();
  if (!/^([0-9a-f]{2}){32,}$/i.test(text)) throw new Error(`${path} does not hold a hex key of ${KEY_BYTES} bytes`);
  return Buffer.from(text, 'hex');
}

function missingKey(path: string) {
  return (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'ENOENT') throw error;
    const expected = `expected DARKROOM_SIGNING_KEYS, or the folder of a server that made ${path} at its first start`;
    throw new OperatorError(`there is no signing key here: ${expected}`);
  };
}
