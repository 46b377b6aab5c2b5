/** The packages that storefronts install: where their sources are, below the root, and the source of each entry. */
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
} as const;
export type PackageName = keyof typeof PACKAGES;
