import { readFile } from 'node:fs/promises';
import { ConfigError } from './config.ts';

/** The content of the presets file, not checked yet. Throws a `ConfigError` when it cannot be read or is no JSON. */
export async function readPresetsFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ConfigError(`DARKROOM_PRESETS=${path} cannot be used: ${reason}`);
  }
}

/** The content of a file that the command line was given. Throws an Error that names it when it cannot be read or is no JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`);
  }
}
