import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { sameText } from '../url/same-text.ts';

/** What other machines are to forget: ids, or all ids below a folder that ends with a slash. */
export type Forgotten = { readonly ids: readonly string[] } | { readonly prefix: string };

export interface PeersTold {
  readonly told: number;
  readonly failed: number;
}

/** The other machines of this service, by one name whose addresses are all of them. */
export interface Peers {
  /** Tells every machine at once, this one included. Never rejects; takes some seconds at most. */
  tell(what: Forgotten, signal: AbortSignal): Promise<PeersTold>;
}

export interface PeersOptions {
  readonly host: string;
  readonly port: number;
  /** All machines of one service have the same. */
  readonly signingKey: Uint8Array;
  warn(what: string, key: string, reason: unknown): void;
  /** `dns.lookup` unless a test says otherwise. */
  resolveName?(host: string): Promise<readonly { readonly address: string; readonly family: number }[]>;
}

export const PEER_PATH = '/v1/peers/forget';
export const PEER_HEADER = 'x-darkroom-peer';
const TIMEOUT_MS = 3000;
/** Of one message, so that it stays below the server's body limit of 64 KiB. */
const IDS_AT_A_TIME = 50;
const MAX_PEERS = 256;

export function createPeers({ host, port, signingKey, warn, resolveName = resolveAll }: PeersOptions): Peers {
  async function tellOne(address: string, family: number, body: string, signal: AbortSignal): Promise<void> {
    const answer = await fetch(`http://${family === 6 ? `[${address}]` : address}:${port}${PEER_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [PEER_HEADER]: peerSignature(body, signingKey) },
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the machine at ${address} answered ${answer.status}`);
  }

  return {
    async tell(what, signal) {
      try {
        const found = (await within(TIMEOUT_MS, resolveName(host))).slice(0, MAX_PEERS);
        const bodies = messagesOf(what);
        const outcomes = await Promise.allSettled(
          found.map(({ address, family }) => Promise.all(bodies.map((body) => tellOne(address, family, body, signal)))),
        );
        const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
        for (const { reason } of failures) warn('another machine could not be told of a purge', host, reason);
        return { told: outcomes.length - failures.length, failed: failures.length };
      } catch (reason) {
        warn('the other machines cannot be found', host, reason);
        return { told: 0, failed: 1 };
      }
    },
  };
}

/** Proves that a message comes from a machine with the same signing key. Repeating one does no harm: it only forgets. */
export function peerSignature(body: string, signingKey: Uint8Array): string {
  return createHmac('sha256', signingKey).update(`darkroom:peer:v1\n${body}`).digest('base64url');
}

export function isFromPeer(body: string, signature: string | undefined, signingKey: Uint8Array): boolean {
  return signature !== undefined && sameText(signature, peerSignature(body, signingKey));
}

function messagesOf(what: Forgotten): string[] {
  if ('prefix' in what) return [JSON.stringify({ prefix: what.prefix })];
  const parts = Array.from({ length: Math.ceil(what.ids.length / IDS_AT_A_TIME) }, (_, part) =>
    what.ids.slice(part * IDS_AT_A_TIME, (part + 1) * IDS_AT_A_TIME),
  );
  return parts.map((ids) => JSON.stringify({ ids }));
}

function resolveAll(host: string) {
  return lookup(host, { all: true });
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
