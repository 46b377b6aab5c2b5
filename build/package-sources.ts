/**
 * The packages that storefronts install: where their sources are, below the root, and the source of each entry. A folder `components`
 * of a package is published as it is: Svelte and Astro compile it with the shop. What several packages need lies in `packages/shared` and
 * is bundled into each.
 */
export const PACKAGES = {
  url: {
    sources: 'src/url',
    entries: {
      '.': 'sdk.ts',
      './edge': 'edge.ts',
      './verify': 'verify.ts',
      './client': 'markup/client.ts',
      './thumbhash': 'markup/thumbhash.ts',
      // In a browser, in place of the first three.
      browser: 'markup/without-key.ts',
    },
  },
  react: { sources: 'packages/react/src', entries: { '.': 'image.tsx' } },
  next: { sources: 'packages/next/src', entries: { '.': 'image.ts', './loader': 'loader.ts' } },
  nuxt: { sources: 'packages/nuxt/src', entries: { '.': 'provider.ts' } },
  astro: { sources: 'packages/astro/src', entries: { './service': 'service.ts', components: 'attributes.ts' } },
  svelte: { sources: 'packages/svelte/src', entries: { components: 'attributes.ts' } },
  unpic: { sources: 'packages/unpic/src', entries: { '.': 'transformer.ts' } },
} as const;
export type PackageName = keyof typeof PACKAGES;

/**
 * Sources without CommonJS: edge runtimes, Nuxt and Astro have none, and Node's `require` loads ES modules too, since 20.19.
 */
export const ES_ONLY = /\/(url\/(edge|verify)|attributes|provider|service)\.ts$/;
