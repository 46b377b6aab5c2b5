import { hasRgw, type Rgw, startRgw } from './rgw.ts';

let rgw: Rgw | undefined;

/** Runs once before all test files, which inherit the environment set here. */
export async function globalSetup(): Promise<void> {
  const { env } = process;
  if (env.TEST_S3_ENDPOINT) return;
  if (!(await hasRgw())) {
    if (env.TEST_REQUIRE_S3 === '1') throw new Error('radosgw is not installed, and TEST_REQUIRE_S3 is set');
    return;
  }
  rgw = await startRgw();
  env.TEST_S3_ENDPOINT = rgw.endpoint;
  env.AWS_ACCESS_KEY_ID = rgw.accessKey;
  env.AWS_SECRET_ACCESS_KEY = rgw.secretKey;
  env.AWS_REGION = 'us-east-1';
  env.TEST_S3_GUEST = JSON.stringify(rgw.guest);
}

export async function globalTeardown(): Promise<void> {
  await rgw?.stop();
}
