import { posix } from 'node:path';

/** Documents outside docs/ that are pages of the site, by their path in the repository. */
export const PROJECT_PAGES: Readonly<Record<string, string>> = {
  'packages/next/README.md': 'nextjs',
  'packages/react/README.md': 'react',
  'packages/nuxt/README.md': 'nuxt',
  'packages/astro/README.md': 'astro',
  'packages/svelte/README.md': 'svelte',
  'packages/unpic/README.md': 'unpic',
  'packages/url/README.md': 'url',
  'sdks/README.md': 'sdks',
  'examples/README.md': 'examples',
  'SECURITY.md': 'security',
  'CONTRIBUTING.md': 'contributing',
  'CHANGELOG.md': 'changes',
};
/** Where files of the repository can be read, such as a tree of a code host; without it their links are plain text. */
const SOURCE = process.env.DOCS_SOURCE;

interface Token {
  readonly type: string;
  readonly children: Token[] | null;
  tag: string;
  attrs: [string, string][] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}
interface MarkdownIt {
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { tokens: Token[]; env: { relativePath?: string } }) => void): void;
    };
  };
}

/** Links of a document in docs/, which are right in the repository, as links of the site. */
export function linksLeavingDocs(markdown: MarkdownIt): void {
  markdown.core.ruler.push('links-leaving-docs', ({ tokens, env }) => {
    const folder = posix.dirname(posix.join('docs', env.relativePath ?? ''));
    for (const { children } of tokens) {
      let plain = false;
      for (const token of children ?? []) {
        if (token.type === 'link_close' && plain) {
          token.tag = 'span';
          plain = false;
        }
        if (token.type !== 'link_open') continue;
        const link = siteLink(folder, token.attrGet('href') ?? '');
        if (link !== undefined) token.attrSet('href', link);
        else {
          token.tag = 'span';
          token.attrs = null;
          plain = true;
        }
      }
    }
  });
}

/** `folder`: of the document, in the repository. Undefined where the site has no such page. */
function siteLink(folder: string, href: string): string | undefined {
  if (/^([a-z]+:|#|\/)/i.test(href)) return href;
  const [path = '', anchor] = href.split('#');
  const target = posix.join(folder, path);
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (target.startsWith('docs/'))
    return target.endsWith('.md') ? target.slice(4).replace(/(README|index)?\.md$/, '') + hash : href;
  const name = PROJECT_PAGES[target];
  if (name !== undefined) return `/project/${name}${hash}`;
  return SOURCE && `${SOURCE}/${target}`;
}
