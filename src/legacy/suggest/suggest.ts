import { type KnownAssets, NO_ASSETS } from '../../presets/known-assets.ts';
import { refuseUnusable } from '../../presets/presets.ts';
import { checkPresets, type Preset, PresetsError } from '../../presets/schema.ts';
import { askedBy } from './asked.ts';
import { createTally, type LogTally } from './groups.ts';
import { linesOf, MAX_LINE, requestOf } from './log-lines.ts';
import { type Proposal, propose } from './propose.ts';

export interface Suggestion {
  /** A presets file. */
  readonly presets: Record<string, unknown>;
  /** For people: which share each preset covers, and what is left. */
  readonly table: string;
  readonly report: {
    readonly lines: number;
    readonly pictures: number;
    readonly covered: number;
    readonly proposals: readonly Proposal[];
  };
}

export interface SuggestOptions {
  /** Presets of the running server: what they serve needs no other one. */
  readonly running: Readonly<Record<string, Preset>>;
  readonly pathPrefix: string;
  /** imgproxy's presets or Cloudinary's named transformations. */
  readonly legacyPresets: Readonly<Record<string, string>>;
  /** The asset in place of imgproxy's watermark, whose picture no log tells. */
  readonly legacyWatermark: string;
  readonly renderTimeoutMs: number;
  readonly faces: boolean;
  /** Called where a log asks for overlays. */
  loadAssets(): Promise<KnownAssets>;
}

const MOST_SENTENCES = 10;

/** Proposes presets from access logs. Throws an Error that names a file that cannot be read. */
export async function suggestFromLogs(files: readonly string[], options: SuggestOptions): Promise<Suggestion> {
  const { running, pathPrefix, legacyPresets, legacyWatermark, renderTimeoutMs, faces } = options;
  const reading = { presets: legacyPresets, watermark: legacyWatermark, cloud: undefined };
  const asking = { presets: new Set(Object.keys(running)), reading, pathPrefix };
  const tally = createTally();

  function count(line: string): void {
    tally.line();
    const request = requestOf(line.slice(0, MAX_LINE));
    const asked = request && askedBy(request.path, asking);
    if (asked && (request.status ?? 200) >= 400) tally.refusedThen();
    else if (asked) tally.add(asked);
  }

  for (const file of files) {
    try {
      for await (const lines of linesOf(file)) for (const line of lines) count(line);
    } catch (error) {
      throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
  }
  const found = tally.result();
  const overlaid = found.groups.some(({ look }) => /(?:^|,)o_/.test(look));
  const assets = overlaid ? await options.loadAssets() : NO_ASSETS;
  const proposals = propose(found, (definition) => {
    try {
      refuseUnusable(checkPresets({ proposal: definition }), { renderTimeoutMs, faces, assets });
      return true;
    } catch (error) {
      if (error instanceof PresetsError) return false;
      throw error;
    }
  });
  const covered = proposals.reduce((sum, { requests }) => sum + requests, found.presets.total);
  const presets = Object.fromEntries(proposals.map(({ name, definition }) => [name, definition]));
  const { lines, pictures } = found;
  return { presets, table: tableOf(found, proposals, covered), report: { lines, pictures, covered, proposals } };
}

function tableOf(tally: LogTally, proposals: readonly Proposal[], covered: number): string {
  const { lines, pictures, refusedThen, presets, refused } = tally;
  const share = (count: number) => `${((100 * count) / Math.max(1, pictures)).toFixed(1)} %`;
  const rows = [
    ['preset', 'requests', 'share', 'of just these sizes', 'pixels', 'formats that were asked for'],
    ...proposals.map(({ name, requests, exact, sizes, formats }) => [
      ...[name, String(requests), share(requests)],
      ...[`${Math.round((100 * exact) / Math.max(1, requests))} %`, sizes, formats],
    ]),
    ...presets.sorted().map(([name, count]) => [`${name} (is there)`, String(count), share(count), '', '', '']),
  ];
  const widest = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widest[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const left = pictures - covered;
  const told = refused.sorted().slice(0, MOST_SENTENCES);
  return [
    `${lines} lines, ${pictures} requests for pictures${refusedThen > 0 ? `, ${refusedThen} more that were errors` : ''}`,
    ...table,
    `covered: ${covered} (${share(covered)}); left: ${left} (${share(left)})${left > 0 ? ', of which:' : ''}`,
    ...(left > 0 ? [`  ${left - refused.total} of sizes and looks that were rare`] : []),
    ...told.map(([sentence, count]) => `  ${count}: ${sentence}`),
  ].join('\n');
}
