import {
  type Engine,
  type EngineResult,
  type HeldPlanes,
  hasEngine,
  loadEngine,
} from '../../src/render/engine/engine.ts';

/** For tests of what the native engine makes: `npm run build:engine` builds it. */
export const engineSkip = hasEngine ? false : 'the engine was not built (README, Tests)';

/** The engine, what became of each job that it was given, and all planes that it holds or held. */
export function watchedEngine(): { engine: Engine | undefined; results: EngineResult[]; held: HeldPlanes[] } {
  const real = loadEngine(true);
  const results: EngineResult[] = [];
  const held: HeldPlanes[] = [];
  if (!real) return { engine: undefined, results, held };
  /** What was made beside what was kept is a result too. */
  function kept(planes: HeldPlanes): HeldPlanes {
    held.push(planes);
    const body = planes.takeMade();
    results.push({
      peak: planes.peak,
      ...(body ? { body } : {}),
      ...(planes.declined ? { declined: planes.declined } : {}),
    });
    planes.takeMade = () => body;
    return planes;
  }
  const engine: Engine = {
    Stop: real.Stop,
    version: () => real.version(),
    runsHere: () => real.runsHere(),
    async render(...job) {
      const result = await real.render(...job);
      results.push(result);
      return result;
    },
    async hold(...job) {
      const planes = await real.hold(...job);
      held.push(planes);
      return planes;
    },
    async renderHeld(...job) {
      const result = await real.renderHeld(...job);
      results.push(result);
      return result;
    },
    async encode(...job) {
      const result = await real.encode(...job);
      results.push(result);
      return result;
    },
    webpLuma: (...file) => real.webpLuma(...file),
    jpegSsim: (...luma) => real.jpegSsim(...luma),
    async keep(...job) {
      return kept(await real.keep(...job));
    },
    async keepHeld(...job) {
      return kept(await real.keepHeld(...job));
    },
  };
  return { engine, results, held };
}
