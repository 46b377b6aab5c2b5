import { decodedFiles, LETTER_SVG } from '../helpers/decoded-files.ts';
import { gridFile, heicFile, irot } from '../helpers/heic-files.ts';
import type { FuzzOptions } from './fuzz-run.ts';

/** Two pictures at a time, each in WebAssembly of its own with the code compiled twice: 70 MiB a thread and the process itself. */
const MAX_PEAK_MIB = 640;
const MAX_BYTES = 100_000;

/** Of HEIC, which has mutants of its own in npm test (heic-mutants.ts): through a process here, whose memory is looked at. */
const heicFiles = () =>
  new Map([
    ...['photo', 'alpha', 'grey', 'deep-422', 'three-pictures'].map(
      (name) => [`heic ${name}`, heicFile(`${name}.heic`)] as const,
    ),
    ['heic grid', gridFile({ columns: 2, rows: 1, properties: [irot(1)] })] as const,
  ]);

/** What a run with the formats that are decoded outside sharp needs: one of them, or all. */
export async function decodedFuzz(format = ''): Promise<Pick<FuzzOptions, 'files' | 'maxPeakMiB' | 'settings'>> {
  if (format === 'heic') return { files: heicFiles(), maxPeakMiB: MAX_PEAK_MIB, settings: {} };
  const files = new Map(Array.from(await decodedFiles(), ([name, { body }]) => [name, body] as const));
  files.set('svg', Buffer.from(LETTER_SVG));
  // A large file, forty times in itself, has to wait for the memory of others: 503 by rights.
  for (const [name, { length }] of files) if (!name.startsWith(format) || length > MAX_BYTES) files.delete(name);
  return { files, maxPeakMiB: MAX_PEAK_MIB, settings: { DARKROOM_SVG: 'on' } };
}
