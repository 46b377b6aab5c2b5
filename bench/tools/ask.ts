import { Pool } from 'undici';

export interface Answer {
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  /** `memory`, `store`, `render`, `collapsed`, `nearest`, or the error code; empty of other servers. */
  readonly outcome: string;
}

/** Asks for all paths, so many at a time, over as many connections; answers in the order asked. Throws on no answer. */
export async function askAll(baseUrl: string, paths: readonly string[], atATime: number): Promise<Answer[]> {
  const pool = new Pool(baseUrl, { connections: atATime, headersTimeout: 120_000, bodyTimeout: 120_000 });
  const answers: Answer[] = [];
  const rest = paths.entries();
  const worker = async () => {
    for (const [at, path] of rest) {
      const since = performance.now();
      const { statusCode: status, headers, body } = await pool.request({ path, method: 'GET' });
      const bytes = (await body.arrayBuffer()).byteLength;
      answers[at] = { path, status, bytes, ms: performance.now() - since, outcome: outcomeOf(headers) };
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  await pool.close();
  return answers;
}

/** Throws unless every answer is a picture. */
export async function askForPictures(baseUrl: string, paths: readonly string[], atATime: number): Promise<Answer[]> {
  const answers = await askAll(baseUrl, paths, atATime);
  const wrong = answers.find(({ status }) => status !== 200);
  if (wrong) throw new Error(`${wrong.status} ${wrong.outcome} for ${wrong.path}`);
  return answers;
}

function outcomeOf(headers: Record<string, string | string[] | undefined>): string {
  const status = String(headers['cache-status'] ?? '');
  if (headers['x-error']) return String(headers['x-error']);
  if (status.endsWith('collapsed')) return 'collapsed';
  if (status.includes('fwd=miss')) return 'render';
  return /detail=(\w+)/.exec(status)?.[1] ?? '';
}

export function bytesOf(answers: readonly Answer[]): number {
  return answers.reduce((sum, { bytes }) => sum + bytes, 0);
}
