import { type DarkroomError, errors } from '../../errors.ts';
import type { StoredObject } from '../store.ts';
import { METADATA, type S3Reply, WRITE_ID } from './requests.ts';

export const isSuccess = ({ status }: S3Reply): boolean => status >= 200 && status < 300;

/** The cause of a `store_failed` that S3 answered. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor({ status, code }: S3Reply) {
    super(`S3 answered ${status} ${code ?? ''}`);
    this.status = status;
    this.code = code;
  }
}

export function refused(reply: S3Reply): DarkroomError {
  return errors.storeFailed(new S3Refusal(reply));
}

/** The headers of a write. */
export function headersOf({ contentType, cacheControl, metadata }: StoredObject): Record<string, string> {
  return {
    'content-type': contentType ?? 'application/octet-stream',
    ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [METADATA + name, value])),
  };
}

/** All but the body of an object that was read. */
export function describedBy({ headers }: S3Reply): Omit<StoredObject, 'body'> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith(METADATA) && name !== WRITE_ID);
  return {
    contentType: headers['content-type'],
    cacheControl: headers['cache-control'],
    metadata: Object.fromEntries(metadata.map(([name, value = '']) => [name.slice(METADATA.length), value])),
  };
}
