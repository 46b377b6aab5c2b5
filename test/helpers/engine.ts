import { type Engine, type EngineResult, hasEngine, loadEngine } from '../../src/render/engine/engine.ts';

/** For tests of what the native engine makes: `npm run build:engine` builds it. */
export const engineSkip = hasEngine ? false : 'the engine was not built (README, Tests)';

/** The engine, and what became of each job that it was given. */
export function watchedEngine(): { engine: Engine | undefined; results: EngineResult[] } {
  const real = loadEngine(true);
  const results: EngineResult[] = [];
  if (!real) return { engine: undefined, results };
  const engine: Engine = {
    Stop: real.Stop,
    version: () => real.version(),
    runsHere: () => real.runsHere(),
    async render(...job) {
      const result = await real.render(...job);
      results.push(result);
      return result;
    },
  };
  return { engine, results };
}
