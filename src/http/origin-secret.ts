import type { FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';
import { sameText } from '../url/same-text.ts';

/** The header that the CDN adds to each of its requests. */
export const ORIGIN_SECRET_HEADER = 'x-origin-secret';

/**
 * Refuses what does not come through the CDN, which alone knows one of the secrets: two of them while they are rotated. Throws
 * `forbidden`.
 */
export function createOriginCheck(secrets: readonly string[]): (request: FastifyRequest) => void {
  return ({ headers }) => {
    const given = headers[ORIGIN_SECRET_HEADER];
    if (typeof given !== 'string' || !secrets.some((secret) => sameText(given, secret))) throw errors.notFromCdn();
  };
}
