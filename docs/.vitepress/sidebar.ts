/** The pages in the order in which a new user needs them. test/shipped/docs.test.ts finds each page of docs/ here. */
const page = (text: string, link: string) => ({ text, link });

export const SIDEBAR = [
  { text: 'Start', items: [page('Three commands', '/start'), page('Playground', '/playground')] },
  {
    text: 'Storefront',
    items: [
      page('Install', '/storefront'),
      page('Next.js', '/project/nextjs'),
      page('React and Vite', '/project/react'),
      page('Nuxt', '/project/nuxt'),
      page('Astro', '/project/astro'),
      page('Svelte and SvelteKit', '/project/svelte'),
      page('unpic', '/project/unpic'),
      page('@darkroom-images/url', '/project/url'),
      page('Laravel', '/laravel'),
      page('Rails', '/rails'),
      page('Django', '/django'),
      page('Other languages', '/other-languages'),
      page('Signers in one file', '/project/sdks'),
      page('In the browser, without the key', '/client-only'),
      page('Placeholders', '/placeholders'),
      page('Errors of the signers', '/markup-errors'),
      page('Examples', '/project/examples'),
    ],
  },
  { text: 'Uploads', items: [page('Uploads', '/uploads'), page('The photo report', '/photo-report')] },
  {
    text: 'Operate',
    items: [
      page('Docker', '/operate'),
      page('Fly Machines', '/fly'),
      page('A CDN in front', '/cdn'),
      page('Stores', '/stores'),
      page('Take a picture down', '/take-a-picture-down'),
      page('Edit a picture', '/edit-a-picture'),
      page('Metrics', '/metrics'),
      page('Traces', '/tracing'),
      page('Moving in', '/moving-in'),
      page('Security', '/project/security'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('The URL', '/url'),
      page('Presets', '/presets'),
      page('Operations', '/operations/'),
      page('What others call it', '/operations/elsewhere'),
      page('Originals and renditions', '/originals'),
      page('API', '/api'),
      page('Settings', '/settings'),
      page('Answers, errors and limits', '/answers'),
    ],
  },
  {
    text: 'Why',
    items: [
      page('Comparison', '/comparison'),
      page('Benches', '/benches'),
      page('Faces', '/faces'),
      page('How it is built', '/how-it-is-built'),
      page('Tests', '/tests'),
      page('Contributing', '/project/contributing'),
      page('Changes', '/project/changes'),
    ],
  },
];
