/** The shops of `examples/`, and how each is started. */
export interface Shop {
  /** Its folder in `examples/`. */
  readonly name: string;
  /** Where its listings and presets lie, below its folder. */
  readonly data: string;
  /** Folders of what browsers get; none where pages are all that they get. */
  readonly client: readonly string[];
  /** False where the framework's own component writes the candidates: they do not end with the original. */
  readonly knowsMeta?: false;
  /** Where the variables are expected that others take from the environment, as lines of `NAME=value`. */
  readonly variables?: string;
  /** Its framework's own command; PORT and HOST are in the environment too. */
  readonly start: (port: number) => readonly string[];
}

export const SHOPS: readonly Shop[] = [
  { name: 'plain', data: '.', client: [], start: () => ['npm', 'start'] },
  { name: 'vite-react', data: 'src', client: ['dist'], start: () => ['npm', 'start'] },
  { name: 'next', data: 'lib', client: ['.next/static'], start: () => ['npm', 'start', '--', '-H', '127.0.0.1'] },
  { name: 'sveltekit', data: 'src/lib', client: ['build/client'], start: () => ['npm', 'start'] },
  {
    name: 'astro',
    data: 'src',
    client: ['dist'],
    start: (port) => ['npm', 'start', '--', '--host', '127.0.0.1', '--port', String(port)],
  },
  { name: 'nuxt', data: '.', knowsMeta: false, client: ['.output/public'], start: () => ['npm', 'start'] },
  {
    name: 'cloudflare-worker',
    data: 'src',
    variables: '.dev.vars',
    client: [],
    start: (port) => ['npm', 'start', '--', '--ip', '127.0.0.1', '--port', String(port)],
  },
];
