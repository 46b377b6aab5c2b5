import type { LegacyTrace } from './request-context.ts';

export const LEGACY_OUTCOMES = [
  ...(['served', 'malformed', 'bad_signature', 'unsigned', 'unknown_option', 'unknown_source'] as const),
  ...(['expired', 'no_original', 'failed'] as const),
] as const;

/** What became of a URL of another server. `outcome`: the request's own, an error code where it failed. */
export function legacyOutcome(
  { refused }: LegacyTrace,
  status: number,
  outcome: string | undefined,
): (typeof LEGACY_OUTCOMES)[number] {
  if (refused) return refused;
  if (status < 400) return 'served';
  if (outcome === 'expired') return 'expired';
  if (outcome === 'bad_request') return 'malformed';
  return outcome === 'original_not_found' ? 'no_original' : 'failed';
}
