import { createHash, createHmac } from 'node:crypto';
import type { LegacySettings, SchemeName } from '../../src/legacy/scheme.ts';
import { readConfig } from '../../src/process/config.ts';

export const LEGACY_KEY = '943b421c9eb07c830af81030552c8600';
export const LEGACY_SALT = '520f986b998545b4785e0defbc4f3c12';

/** As the server reads them from its environment. `more`: without `DARKROOM_LEGACY_`. */
export function legacySettings(scheme: SchemeName, more: Readonly<Record<string, string>> = {}): LegacySettings {
  const environment = {
    DARKROOM_LEGACY: scheme,
    DARKROOM_LEGACY_KEY: LEGACY_KEY,
    ...(scheme === 'imgproxy' ? { DARKROOM_LEGACY_SALT: LEGACY_SALT } : {}),
    ...Object.fromEntries(Object.entries(more).map(([name, value]) => [`DARKROOM_LEGACY_${name}`, value])),
  };
  const { legacy } = readConfig(environment, 8 * 1024 ** 3, 2);
  if (!legacy) throw new Error('no old URLs are answered');
  return legacy;
}

/** `rest` begins with a slash: what imgproxy signs. */
export function imgproxyPath(rest: string, bytes = 32): string {
  const mac = createHmac('sha256', Buffer.from(LEGACY_KEY, 'hex')).update(Buffer.from(LEGACY_SALT, 'hex'));
  return `/${mac.update(rest).digest().subarray(0, bytes).toString('base64url')}${rest}`;
}

/** `rest`: options and source, without a slash in front. */
export function thumborPath(rest: string): string {
  return `/${createHmac('sha1', LEGACY_KEY).update(rest).digest('base64url')}=/${rest}`;
}

/** `rest`: transformations, version and public id. `signed`: where that is without the version. */
export function cloudinaryPath(rest: string, { signed = rest, kind = 'upload' } = {}): string {
  const digest = createHash('sha1').update(signed).update(LEGACY_KEY).digest('base64url');
  return `/demo/image/${kind}/s--${digest.slice(0, 8)}--/${rest}`;
}
