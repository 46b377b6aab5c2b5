import { createHmac } from 'node:crypto';
import { sameText } from '../../url/same-text.ts';
import {
  type LegacyScheme,
  type LegacySettings,
  type LegacyWish,
  malformed,
  noWish,
  quoted,
  type ReadingSettings,
  readOption,
  refuse,
  type SaidOption,
  type SplitUrl,
} from '../scheme.ts';
import { IMGPROXY_OPTIONS } from './options.ts';

/** Words that stand where a signature would, where none is checked (https://docs.imgproxy.net/usage/processing). */
const NO_SIGNATURE = /^(insecure|unsafe|_|plain|-)$/i;
/** How options begin that imgproxy alone has. */
const LOOKS_LIKE = /^\/(?:[a-z][a-z_-]*:[^/]*\/|plain\/|enc\/)/;
const MAX_OPTIONS = 64;
const MAX_NESTING = 4;
const LAST = /^(crop|c|extend_aspect_ratio|extend_ar|exar)$/;

/** imgproxy 2 to 4: `/<signature>/<option>:<argument>…/plain/<address>@<extension>`, or the address in Base64. */
export const imgproxy: LegacyScheme = {
  name: 'imgproxy',

  split(path) {
    const [, signature, rest] = /^\/([^/]+)(\/.+)$/.exec(path) ?? [];
    if (signature === undefined || rest === undefined) return undefined;
    const restored = restoredPath(rest);
    const unsigned = NO_SIGNATURE.test(signature);
    const unsure = !LOOKS_LIKE.test(restored);
    return { signature: unsigned ? undefined : signature, signed: [restored], rest: restored, unsure };
  },

  verify({ signature, signed: [text = ''] }, { keys, salts, signatureSize }: LegacySettings) {
    return keys.some((key, at) => {
      const mac = createHmac('sha256', key).update(salts[at] ?? Buffer.alloc(0));
      return sameText(signature ?? '', mac.update(text).digest().subarray(0, signatureSize).toString('base64url'));
    });
  },

  read({ rest }: SplitUrl, settings: ReadingSettings): LegacyWish {
    const wish = noWish();
    const parts = rest.slice(1).split('/');
    const begin = parts.findIndex((part) => !part.includes(':'));
    if (begin < 0) throw malformed('The URL of imgproxy names no source.');
    if (begin > MAX_OPTIONS) throw malformed(`There are more than ${MAX_OPTIONS} options.`);
    const said = [...(Object.hasOwn(settings.presets, 'default') ? ['preset:default'] : []), ...parts.slice(0, begin)];
    const options = said.flatMap((text) => withoutPresets(text, settings, []));
    if (options.length > MAX_OPTIONS) throw malformed(`There are more than ${MAX_OPTIONS} options.`);
    // Crop goes by the gravity of the whole URL, and the extension by its resizing type, wherever they stand.
    for (const { name, args, option } of options.toSorted((a, b) => Number(a.last) - Number(b.last)))
      readOption(IMGPROXY_OPTIONS, wish, name, args, option);
    const { source, extension } = sourceOf(parts.slice(begin));
    if (extension !== undefined) {
      const option = { scheme: 'imgproxy' as const, text: `extension ${extension}`, settings };
      readOption(IMGPROXY_OPTIONS, wish, 'format', [extension], option);
    }
    return { wish, source };
  },
};

/** Proxies write `:` as `%3A` and make one slash of two; imgproxy undoes both before it looks at the signature. */
function restoredPath(rest: string): string {
  const at = rest.indexOf('/plain/');
  const options = (at < 0 ? rest : rest.slice(0, at)).replaceAll('%3A', ':');
  if (at < 0) return options;
  const plain = rest.slice(at + '/plain/'.length);
  const restored = plain.replace(/^([^\s/]+):\/(?!\/)/, (_, name) => `${name}://${name === 'local' ? '/' : ''}`);
  return `${options}/plain/${restored}`;
}

interface Said {
  readonly name: string;
  readonly args: readonly string[];
  readonly option: SaidOption;
  readonly last: boolean;
}

/** The option, or those of the presets that it names. As imgproxy does, a preset within itself is passed over. */
function withoutPresets(text: string, settings: ReadingSettings, used: readonly string[]): Said[] {
  const [name = '', ...args] = text.split(':');
  const option = { scheme: 'imgproxy' as const, text, settings };
  if (name !== 'preset' && name !== 'pr') return [{ name, args, option, last: LAST.test(name) }];
  return args.flatMap((preset) => {
    if (!Object.hasOwn(settings.presets, preset)) refuse(option, 'DARKROOM_LEGACY_PRESETS has no preset of this name');
    const { [preset]: options = '' } = settings.presets;
    if (used.includes(preset) || used.length >= MAX_NESTING) return [];
    return options.split('/').flatMap((each) => withoutPresets(each, settings, [...used, preset]));
  });
}

function sourceOf(parts: readonly string[]): { source: string; extension: string | undefined } {
  const [first = '', ...more] = parts;
  if (first === 'enc')
    throw malformed(
      'Encrypted sources of imgproxy (enc) are not served here: the key to them is not given to this server.',
    );
  if (/^(fit|fill|fill-down|force|auto|crop)$/.test(first))
    throw malformed('The basic URLs of imgproxy 1 are not served here.');
  const plain = first === 'plain' && more.length > 0;
  const [encoded = '', extension = '', ...rest] = plain ? more.join('/').split('@') : parts.join('').split('.');
  if (rest.length > 0) throw malformed(`The source of imgproxy says several formats: ${quoted(rest.join(' '))}.`);
  const source = plain ? unescaped(encoded) : fromBase64(encoded.replace(/=+$/, ''));
  if (source === '') throw malformed('The URL of imgproxy names no source.');
  return { source, extension: extension === '' ? undefined : extension };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed('The source is not validly percent-encoded UTF-8.');
  }
}

function fromBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const source = bytes.toString('utf8');
  if (bytes.toString('base64url') === text && Buffer.from(source).equals(bytes)) return source;
  throw malformed('The source is no UTF-8 text in URL-safe Base64.');
}
