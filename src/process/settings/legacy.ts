import { z } from 'zod';

/** The settings of old URLs, as texts of the environment are checked and read, and what they come to together. */

/** What an address begins with up to a slash (`from`, empty for paths without one), and what the id begins with (`to`). */
interface SourceRule {
  readonly from: string;
  readonly to: string;
}

const RULE_EXPECTED =
  'expected <URL prefix>=<id prefix>, the first of the two empty or with a slash at its end, such as https://cdn.example.com/photos/=photos/';

export const legacySources = z.string().transform((text, context): SourceRule[] => {
  const rules = text
    .split(/[\s,]+/)
    .filter((rule) => rule !== '')
    .map((rule) => /^((?:[a-z][a-z0-9+.-]*:\/\/)?[^=?#]*\/|)=(?!\/)([^=]*)$/i.exec(rule));
  const read = rules.flatMap((rule) => (rule ? [{ from: withSmallHost(rule[1] ?? ''), to: rule[2] ?? '' }] : []));
  if (read.length === rules.length && new Set(read.map(({ from }) => from)).size === read.length) return read;
  context.addIssue({ code: 'custom', message: RULE_EXPECTED });
  return z.NEVER;
});

/** Scheme and host are compared in small letters (RFC 3986, 6.2.2.1). */
function withSmallHost(from: string): string {
  return from.replace(/^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/]*/i, (host) => host.toLowerCase());
}

/** `name=options`, separated by semicolons or line breaks. imgproxy's own IMGPROXY_PRESETS has commas between them. */
export const legacyPresets = z.string().transform((text, context): Record<string, string> => {
  const parts = text.split(text.includes(';') || text.includes('\n') ? /[;\n]+/ : /,(?=[\w-]+=)/);
  const presets = parts.map((part) => part.trim()).filter((part) => part !== '');
  const read = presets.map((preset) => /^([\w-]{1,64})=([^=\s]+)$/.exec(preset));
  if (read.every((each) => each !== null)) return Object.fromEntries(read.map((each) => [each[1], each[2]]));
  context.addIssue({ code: 'custom', message: 'expected <name>=<options>, separated by semicolons' });
  return z.NEVER;
});

interface LegacyEnvironment {
  readonly DARKROOM_LEGACY?: 'imgproxy' | 'thumbor' | 'cloudinary' | undefined;
  readonly DARKROOM_LEGACY_KEY?: string | undefined;
  readonly DARKROOM_LEGACY_SALT?: string | undefined;
  readonly DARKROOM_LEGACY_SIGNATURE_SIZE: number;
  readonly DARKROOM_LEGACY_SOURCE?: SourceRule[] | undefined;
  readonly DARKROOM_LEGACY_FORMAT: 'base' | 'auto';
  readonly DARKROOM_LEGACY_WATERMARK?: string | undefined;
  readonly DARKROOM_LEGACY_PRESETS?: Record<string, string> | undefined;
}

const HEX_EXPECTED = 'expected hex digits, several keys with commas and as many salts';

/** What the settings of old URLs come to, or what is wrong with them; no sentence holds a key. Undefined where none are answered. */
export function legacyOf(env: LegacyEnvironment) {
  const { DARKROOM_LEGACY: scheme, DARKROOM_LEGACY_KEY: key, DARKROOM_LEGACY_SALT: salt } = env;
  const problems: string[] = [];
  const named = { KEY: key, SALT: salt, SOURCE: env.DARKROOM_LEGACY_SOURCE, WATERMARK: env.DARKROOM_LEGACY_WATERMARK };
  const others = Object.entries({ ...named, PRESETS: env.DARKROOM_LEGACY_PRESETS }).flatMap(([name, value]) =>
    value === undefined ? [] : [`DARKROOM_LEGACY_${name}`],
  );
  if (!scheme) {
    if (others.length > 0)
      problems.push(`${others[0]} is set without DARKROOM_LEGACY: expected imgproxy, thumbor or cloudinary`);
    return { legacy: undefined, problems };
  }
  if (!key) problems.push(`DARKROOM_LEGACY_KEY is not set: expected the key that ${scheme} signs with`);
  const [keys, salts] = [keysOf(scheme, key ?? ''), scheme === 'imgproxy' ? hexList(salt ?? '') : []];
  if (key && !keys) problems.push(`DARKROOM_LEGACY_KEY=(hidden) cannot be used: ${HEX_EXPECTED}`);
  if (scheme !== 'imgproxy' && salt) problems.push('DARKROOM_LEGACY_SALT is set: only imgproxy has one');
  if (scheme === 'imgproxy' && (!salts || (keys && salts.length !== keys.length)))
    problems.push(`DARKROOM_LEGACY_SALT=(hidden) cannot be used: ${HEX_EXPECTED}`);
  const legacy = {
    ...{ scheme, keys: keys ?? [], salts: salts ?? [], signatureSize: env.DARKROOM_LEGACY_SIGNATURE_SIZE },
    ...{ cloud: cloudOf(scheme, key ?? '')?.cloud, sources: env.DARKROOM_LEGACY_SOURCE ?? [] },
    ...{ negotiate: env.DARKROOM_LEGACY_FORMAT === 'auto', watermark: env.DARKROOM_LEGACY_WATERMARK },
    presets: env.DARKROOM_LEGACY_PRESETS ?? {},
  };
  return { legacy, problems };
}

function keysOf(scheme: string, text: string): Buffer[] | undefined {
  if (scheme === 'imgproxy') return hexList(text);
  return text === '' ? undefined : [Buffer.from(cloudOf(scheme, text)?.secret ?? text)];
}

/** `cloudinary://<key>:<secret>@<cloud>`, as Cloudinary's SDKs read CLOUDINARY_URL. */
function cloudOf(scheme: string, text: string): { secret: string; cloud: string } | undefined {
  const [, secret, cloud] =
    /^cloudinary:\/\/[^:/@]*:([^:/@]+)@([\w-]+)/.exec(scheme === 'cloudinary' ? text : '') ?? [];
  return secret && cloud ? { secret, cloud } : undefined;
}

function hexList(text: string): Buffer[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  return parts.every((part) => /^([0-9a-f]{2})+$/i.test(part))
    ? parts.map((part) => Buffer.from(part, 'hex'))
    : undefined;
}
