import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { PROJECT_PAGES } from '../.vitepress/links.ts';

const ROOT = new URL('../../', import.meta.url);

/** A document with its links seen from docs/project/, where VitePress resolves them. */
function fromHere(document: string, path: string): string {
  return document.replace(/\]\((?![a-z]+:|#)([^)]+)\)/gi, (_, to: string) => {
    const target = posix.join(posix.dirname(path), to);
    return `](${posix.relative('docs/project', target)})`;
  });
}

export default {
  paths: () =>
    Object.entries(PROJECT_PAGES).map(([path, page]) => ({
      params: { page },
      content: fromHere(readFileSync(new URL(path, ROOT), 'utf8'), path),
    })),
};
