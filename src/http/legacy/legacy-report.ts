import { legacyOutcome } from '../../telemetry/legacy-outcome.ts';
import type { RequestContext } from '../../telemetry/request-context.ts';

/** How often a line says what is left. */
const EVERY_MS = 600_000;
/** Of answers and of refusals each. */
const MAX_SAMPLES = 5;
const MAX_TEXT = 200;

export interface LegacyReport {
  /** Of every answer; those of our own URLs are passed over. */
  observe(context: RequestContext, status: number): void;
  /** Says what was not said yet. */
  close(): void;
}

type Say = (facts: object, message: string) => void;

/**
 * Counts old URLs and says every ten minutes which are left, with a few of them as they read here: recipe and id, never a signature.
 * Says nothing where there were none, so that a silent log means that the old server's key can go.
 */
export function createLegacyReport(say: Say, everyMs = EVERY_MS): LegacyReport {
  let counts = new Map<string, number>();
  let answered = new Map<string, string>();
  let refused = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (counts.size === 0) return;
    const facts = { left: Object.fromEntries(counts), answered: Object.fromEntries(answered), refused: [...refused] };
    [counts, answered, refused] = [new Map(), new Map(), new Set()];
    say(facts, 'URLs of another server are still asked for');
  }

  return {
    observe({ legacy, preset, id, outcome }, status) {
      if (!legacy) return;
      const name = `${legacy.scheme} ${legacyOutcome(legacy, status, outcome)}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (legacy.sentence) {
        // What is not signed is anybody's text: counted, and not repeated.
        if (legacy.refused !== 'bad_signature' && legacy.refused !== 'unsigned' && refused.size < MAX_SAMPLES)
          refused.add(legacy.sentence.slice(0, MAX_TEXT));
      } else if (preset && id && status < 400 && answered.size < MAX_SAMPLES) {
        answered.set(preset.slice(0, MAX_TEXT), id.slice(0, MAX_TEXT));
      }
      timer ??= setTimeout(flush, everyMs).unref();
    },
    close: flush,
  };
}
