import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Credentials and endpoint as the AWS SDK finds them in the environment, for the client that works without the SDK. */
export interface S3Environment {
  /** Undefined where only the SDK's chain of providers can find them (profile, container, instance). */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | undefined }
    | undefined;
  /** A profile or a variable that only the SDK reads may name another endpoint than AWS's own. */
  readonly endpointElsewhere: boolean;
}

const ELSEWHERE = [
  ...['AWS_ENDPOINT_URL', 'AWS_PROFILE', 'AWS_CONFIG_FILE', 'AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'],
];

/** https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html */
export function readS3Environment(env: Readonly<Record<string, string | undefined>>): S3Environment {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN,
    AWS_PROFILE,
  } = env;
  const complete = accessKeyId && secretAccessKey && !AWS_PROFILE;
  return {
    credentials: complete ? { accessKeyId, secretAccessKey, sessionToken: AWS_SESSION_TOKEN } : undefined,
    endpointElsewhere: ELSEWHERE.some((name) => env[name]) || existsSync(join(env.HOME ?? homedir(), '.aws/config')),
  };
}
