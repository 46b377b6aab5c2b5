import { createHash } from 'node:crypto';
import { sameText } from '../../url/same-text.ts';
import {
  type LegacyScheme,
  type LegacySettings,
  type LegacyWish,
  malformed,
  quoted,
  type ReadingSettings,
  type SplitUrl,
} from '../scheme.ts';
import { formatOf, knownExtension, withSlashes } from '../values.ts';
import { readTransformations } from './transformations.ts';

/** `/<cloud>/image/upload/s--<signature>--/<transformations>/v<version>/<public id>.<format>`. */
const PATH = /^\/(?:([\w-]{1,64})\/)?(image|video|raw)\/([a-z_]{1,32})\/(?:s--([\w-]{8}|[\w-]{32})--\/)?(.+)$/;
/** Kinds of delivery whose originals the shop owns. The social ones are fetched from others by their names. */
const KINDS = /^(upload|private|authenticated|fetch)$/;
/** A part of the path that is a transformation: parameters of one to three letters with their values. */
const TRANSFORMATION = /^(?:(?:[a-z]{1,3}|if|\$\w+)_[^/,]*)(?:,(?:[a-z]{1,3}|if|\$\w+)_[^/,]*)*$/;
const VERSION = /^v\d{1,12}$/;

export const cloudinary: LegacyScheme = {
  name: 'cloudinary',

  split(path, { cloud }) {
    const [, account, type = '', kind = '', signature, written = ''] = PATH.exec(withSlashes(path)) ?? [];
    if (written === '' || (cloud !== undefined && account !== undefined && account !== cloud)) return undefined;
    if (!KINDS.test(kind) && signature === undefined) return undefined;
    const { transformations, rest } = cut(written);
    return {
      signature,
      // The version is in no signature of theirs, and the kind of delivery neither.
      signed: [[...transformations, rest].join('/')],
      rest: `${type}/${kind}/${written}`,
    };
  },

  verify({ signature = '', signed: [text = ''] }, { keys }: LegacySettings) {
    const algorithms = signature.length > 8 ? ['sha256'] : ['sha1', 'sha256'];
    return keys.some((key) =>
      algorithms.some((algorithm) => {
        const digest = createHash(algorithm).update(text).update(key).digest('base64');
        const short = digest.slice(0, signature.length).replaceAll('/', '_').replaceAll('+', '-');
        return sameText(signature, short);
      }),
    );
  },

  read({ rest: whole }: SplitUrl, settings: ReadingSettings): LegacyWish {
    const [type = '', kind = '', ...parts] = whole.split('/');
    if (type !== 'image') throw malformed(`cloudinary's ${type} is not served here: there are pictures only.`);
    if (!KINDS.test(kind))
      throw malformed(`cloudinary's ${quoted(kind)} is not served here: its originals are of others.`);
    const { transformations, rest } = cut(parts.join('/'));
    const wish = readTransformations(transformations, settings);
    const source = decoded(rest);
    if (kind === 'fetch') return { wish, source };
    const [, name = source, extension] = /^(.+)\.([^./]+)$/s.exec(source) ?? [];
    if (extension === undefined || !knownExtension(extension)) return { wish, source };
    // The format of the answer, not of the original: `f_auto` goes before it.
    if (wish.format === undefined) {
      const option = { scheme: 'cloudinary' as const, text: `extension .${extension}`, settings };
      wish.format = formatOf(extension, option);
      wish.said.set('format', option.text);
    }
    return { wish, source: name };
  },
};

/** What stands before the version, or before the first part that is no transformation. Proxies encode commas and colons. */
function cut(written: string): { transformations: string[]; rest: string } {
  const parts = written.split('/');
  const transformations: string[] = [];
  while (parts.length > 1) {
    const [first = ''] = parts;
    if (VERSION.test(first)) {
      parts.shift();
      break;
    }
    const text = first.replaceAll(/%2C/gi, ',').replaceAll(/%3A/gi, ':').replaceAll(/%24/g, '$');
    if (!TRANSFORMATION.test(text)) break;
    transformations.push(text);
    parts.shift();
  }
  return { transformations, rest: parts.join('/') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed('The source is not validly percent-encoded UTF-8.');
  }
}
