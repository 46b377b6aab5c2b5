import { randomUUID } from 'node:crypto';
import { DarkroomError } from '../../errors.ts';
import { CHECK_FOLDER, checked } from '../shared/check.ts';
import type { StoreCheck } from '../store.ts';
import type { ConditionalWrites } from './conditional-writes.ts';
import { S3Refusal } from './replies.ts';
import type { S3Reply, S3Requests } from './requests.ts';

export interface BucketCheckOptions {
  readonly requests: S3Requests;
  readonly writes: ConditionalWrites;
  readonly bucket: string;
  readonly prefix: string;
  /** Host of the server, for the sentences. */
  readonly host: string;
  readonly timeoutMs: number;
  readonly missingIsForbidden: 'never' | 'if-seen-at-start';
  readonly checkWrites: boolean;
}

export interface BucketCheck {
  run(signal: AbortSignal): Promise<StoreCheck>;
  /**
   * Whether AccessDenied to a GET means that the key is missing: S3 says so to credentials without s3:ListBucket. By the
   * last check, or by one request if there was none.
   */
  deniesMissing(): Promise<boolean>;
}

/** What is wrong, by S3's codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const WHY: Readonly<Record<string, string>> = {
  SignatureDoesNotMatch: 'the secret access key is not the one of its access key id',
  InvalidAccessKeyId: 'the access key id is unknown there',
  ExpiredToken: 'the session token has expired',
  InvalidToken: 'the session token is not valid',
  RequestTimeTooSkewed: 'the clocks of this machine and of the server differ too much',
  PermanentRedirect: 'the bucket lies in another region or at another endpoint',
  AuthorizationHeaderMalformed: 'the bucket lies in another region',
  InvalidBucketName: 'the name of the bucket is not valid',
};

/** Checks a bucket by a GET of a key that does not exist and, where it is written, by a key of its own. */
export function createBucketCheck(options: BucketCheckOptions): BucketCheck {
  const { requests, writes, bucket, prefix, host, timeoutMs, checkWrites } = options;
  const place = `the bucket "${bucket}" at ${host}`;
  let denied: Promise<boolean> | undefined;

  const askForMissing = (limit: AbortSignal) =>
    requests.send({ method: 'GET', key: `${prefix}${CHECK_FOLDER}${randomUUID()}`, limits: { maxBytes: 0 } }, limit);

  function explain({ status, code }: Pick<S3Reply, 'status' | 'code'>): StoreCheck {
    if (code === 'NoSuchBucket') return { usable: false, why: `${place} does not exist` };
    const words = WHY[code ?? ''] ?? 'the server refused a request';
    return { usable: false, why: `${place} cannot be used: ${words} (${code ?? status})` };
  }

  async function checkWriting(): Promise<StoreCheck> {
    try {
      const { conditions, reads, deletes } = await writes.trial();
      if (!reads) return { usable: false, why: `the credentials lack s3:GetObject on ${place}` };
      const notes = [
        ...(conditions === 'ignored'
          ? [`${place} ignores conditions on writes, so that machines may overwrite each other's records`]
          : []),
        ...(deletes ? [] : [`the credentials lack s3:DeleteObject on ${place}, so that a purge deletes nothing`]),
      ];
      return { usable: true, conditions, ...(notes.length > 0 && { note: notes.join('; ') }) };
    } catch (error) {
      const { cause } = error as Error;
      if (!(error instanceof DarkroomError) || !(cause instanceof S3Refusal)) throw error;
      if (cause.code !== 'AccessDenied') return explain(cause);
      return { usable: false, why: `the credentials lack s3:PutObject on ${place}` };
    }
  }

  return {
    run: (signal) =>
      checked(place, signal, timeoutMs, async (limit) => {
        const reply = await askForMissing(limit);
        const isDenied = isAccessDenied(reply);
        if (!isDenied && reply.code !== 'NoSuchKey') return explain(reply);
        denied = Promise.resolve(isDenied);
        if (isDenied && options.missingIsForbidden === 'never')
          return { usable: false, why: `the credentials lack s3:ListBucket on ${place}` };
        if (checkWrites) return checkWriting();
        if (!isDenied) return { usable: true };
        const note = `the credentials lack s3:ListBucket on ${place}, so that AccessDenied counts as a missing original`;
        return { usable: true, note };
      }),

    async deniesMissing() {
      if (options.missingIsForbidden === 'never') return false;
      denied ??= askForMissing(AbortSignal.timeout(timeoutMs))
        .then(isAccessDenied)
        .catch((error) => {
          denied = undefined;
          throw error;
        });
      return denied;
    },
  };
}

export const isAccessDenied = ({ status, code }: S3Reply): boolean => status === 403 && code === 'AccessDenied';
