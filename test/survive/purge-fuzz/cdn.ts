import type { Server } from './network.ts';

/** An answer that a CDN keeps. */
interface Kept {
  readonly tags: readonly string[];
  readonly body: Buffer;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

/** A CDN that keeps what it may for as long as it may, and drops what carries a tag when it is told so. */
export function createCdn(now: () => number) {
  const kept = new Map<string, Kept>();
  const server: Server = async (_path, { body }) => {
    const { cacheTag } = JSON.parse(String(body)) as { cacheTag: string };
    for (const [url, { tags }] of kept) if (tags.includes(cacheTag)) kept.delete(url);
    return { status: 200 };
  };
  return {
    server,
    has: (url: string) => now() < (kept.get(url)?.expiresAt ?? 0),
    keep(url: string, headers: Readonly<Record<string, unknown>>, body: Buffer): void {
      const [, seconds] = /^public, max-age=(\d+)/.exec(String(headers['cache-control'])) ?? [];
      if (seconds === undefined) return;
      const tags = String(headers['cache-tag']).split(',');
      kept.set(url, { tags, body, expiresAt: now() + Number(seconds) * 1000 });
    },
    /** Of all answers that it would send. */
    bodies: () => Array.from(kept.values()).flatMap(({ body, expiresAt }) => (now() < expiresAt ? [body] : [])),
  };
}
