import { type Draws, drawsOf } from '../../helpers/draws.ts';

/** What shops, their customers and fate do to some machines over one store. */
export type Operation = { readonly afterMs: number } & (
  | { readonly kind: 'look'; machine: number; id: string; preset: string; conditional: boolean; cdn: boolean }
  | { readonly kind: 'page'; machine: number; id: string }
  | { readonly kind: 'meta'; machine: number; ids: readonly string[] }
  | { readonly kind: 'purge'; machine: number; id: string; original: boolean }
  | { readonly kind: 'purge many'; machine: number; ids: readonly string[] }
  | { readonly kind: 'purge folder'; machine: number; folder: string }
  | { readonly kind: 'put' | 'put back' | 'touch' | 'remove' | 'damage'; id: string }
  | {
      readonly kind: 'cut';
      machine: number;
      from: 'results' | 'originals' | 'network' | 'others';
      how: 'silent' | 'refuses';
    }
  | { readonly kind: 'heal' | 'kill' | 'restart'; machine: number }
  | { readonly kind: 'freeze'; machine: number; ms: number; suspend: boolean }
  | { readonly kind: 'clock ahead'; machine: number; ms: number }
);

/** All that decides a run. */
export interface Plan {
  readonly seed: number;
  readonly machines: number;
  readonly windowMs: number;
  readonly graceMs: number;
  readonly checkMs: number | undefined;
  readonly cacheBytes: number;
  readonly faults: number;
  readonly operations: readonly Operation[];
}

export const IDS = ['a.jpg', 's/b.jpg', 's/t/c.avif'] as const;
const FOLDERS = ['s/', 's/t/'] as const;
export const PRESETS = ['thumb', 'small', 'large', 'retina'] as const;
const MIN_OPERATIONS = 20;
const MORE_OPERATIONS = 40;

export function planOf(seed: number): Plan {
  const draws = drawsOf(seed);
  const machines = 2 + draws.below(2);
  const windowMs = draws.one([15_000, 30_000]);
  const graceMs = draws.one([0, 60_000, 600_000]);
  // Most of a run is about one picture, so that what happens to it meets.
  const favourite = draws.one(IDS);
  const pauses = { windowMs, graceMs };
  const operations = Array.from({ length: MIN_OPERATIONS + draws.below(MORE_OPERATIONS) }, () =>
    operation(draws, machines, favourite, pauses),
  );
  return {
    ...{ seed, machines, windowMs, graceMs, operations },
    checkMs: draws.happens(0.3) ? windowMs : undefined,
    cacheBytes: draws.one([32 * 1024, 64 * 1024 * 1024]),
    faults: draws.one([0.0001, 0.01, 0.05]),
  };
}

function operation(
  draws: Draws,
  machines: number,
  favourite: string,
  pauses: { windowMs: number; graceMs: number },
): Operation {
  const { below, one, happens } = draws;
  const afterMs = pause(draws, pauses);
  const machine = below(machines);
  const id = happens(0.7) ? favourite : one(IDS);
  const kind = draws.share();
  const look = {
    kind: 'look',
    machine,
    id,
    preset: one(PRESETS),
    conditional: happens(0.3),
    cdn: happens(0.3),
  } as const;
  if (kind < 0.42) return { afterMs, ...look };
  if (kind < 0.5) return { afterMs, kind: 'page', machine, id };
  if (kind < 0.53) return { afterMs, kind: 'meta', machine, ids: IDS };
  if (kind < 0.65) return { afterMs, kind: 'purge', machine, id, original: happens(0.3) };
  if (kind < 0.67) return { afterMs, kind: 'purge many', machine, ids: IDS };
  if (kind < 0.7) return { afterMs, kind: 'purge folder', machine, folder: one(FOLDERS) };
  if (kind < 0.77) return { afterMs, kind: 'put', id };
  if (kind < 0.8) return { afterMs, kind: one(['put back', 'touch', 'remove', 'damage']), id };
  const from = one(['results', 'others', 'others', 'originals', 'network'] as const);
  if (kind < 0.85) return { afterMs, kind: 'cut', machine, from, how: one(['silent', 'refuses']) };
  if (kind < 0.9) return { afterMs, kind: 'heal', machine };
  if (kind < 0.94) return { afterMs, kind: one(['kill', 'restart']), machine };
  const ms = below(3 * pauses.windowMs);
  if (kind < 0.98) return { afterMs, kind: 'freeze', machine, ms, suspend: happens(0.5) };
  return { afterMs, kind: 'clock ahead', machine, ms };
}

function pause({ share, below }: Draws, { windowMs, graceMs }: { windowMs: number; graceMs: number }): number {
  const kind = share();
  if (kind < 0.6) return below(300);
  if (kind < 0.8) return below(3000);
  if (kind < 0.9) return below(windowMs);
  return kind < 0.97 ? windowMs + below(5000) : below(graceMs + 1);
}

/** One line an operation, as it is found again in a run by the seed. */
export function described({ afterMs, kind, ...rest }: Operation): string {
  return `+${afterMs} ms ${kind} ${Object.entries(rest)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}
