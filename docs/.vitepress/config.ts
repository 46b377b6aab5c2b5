/** The documentation as a site, from the Markdown that also reads well in the repository: `npm run docs`. */
import { defineConfig } from 'vitepress';
import { linksLeavingDocs } from './links.ts';
import { SIDEBAR } from './sidebar.ts';

export default defineConfig({
  title: 'Darkroom',
  description: 'An on-demand image server that stands behind a CDN',
  lang: 'en',
  cleanUrls: true,
  rewrites: { 'operations/README.md': 'operations/index.md' },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // Dead links fail the build; test/shipped/docs.test.ts checks the anchors.
  ignoreDeadLinks: false,
  markdown: { config: (markdown) => void markdown.use(linksLeavingDocs) },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: SIDEBAR,
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Storefront', link: '/storefront' },
      { text: 'Operations', link: '/operations/' },
      { text: 'Settings', link: '/settings' },
    ],
  },
});
