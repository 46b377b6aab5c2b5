import { readdir, readFile } from 'node:fs/promises';
import { errors } from '../errors.ts';

export interface PageFile {
  readonly type: string;
  readonly body: string;
}

/** Beside this file in the sources, and beside the bundle in what is shipped (build/bundle.ts). */
const FOLDER = new URL('./page/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  ts: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
};

let listed: Promise<ReadonlySet<string>> | undefined;
const scripts = new Map<string, string>();

/** A file of the page, modules without their types. Throws `not_found` for names that do not lie in the folder. */
export async function pageFile(name: string): Promise<PageFile> {
  listed ??= readdir(FOLDER, { recursive: true }).then(
    (names) => new Set(names.map((each) => each.replaceAll('\\', '/'))),
  );
  const [, ending = ''] = /\.([a-z]+)$/.exec(name) ?? [];
  const type = Object.hasOwn(TYPES, ending) ? TYPES[ending] : undefined;
  if (!type || !(await listed).has(name)) throw errors.notFound();
  const text = await readFile(new URL(name, FOLDER), 'utf8');
  return { type, body: ending === 'ts' ? await withoutTypes(name, text) : text };
}

async function withoutTypes(name: string, text: string): Promise<string> {
  const known = scripts.get(text);
  if (known !== undefined) return known;
  // Imported here, because the older Node versions that can run the command line do not export it.
  const { stripTypeScriptTypes } = await import('node:module');
  const script = stripTypeScriptTypes(text, { sourceUrl: name });
  if (scripts.size > 200) scripts.clear();
  scripts.set(text, script);
  return script;
}
