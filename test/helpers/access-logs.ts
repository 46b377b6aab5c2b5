/** Lines of access logs as servers write them, made by a fixed seed: what a shop asks for, and what stands between it. */

const SIZES = [
  ['fill', 300, 200, 40],
  ['fill', 150, 150, 20],
  ['fit', 1200, 1200, 12],
  ['fit', 600, 0, 16],
  ['fill', 64, 64, 8],
] as const;
const RATIOS = [1, 1, 1, 2, 2, 3];
const EXTENSIONS = ['@webp', '@webp', '@avif', ''];

/** Numbers from 0 to 1 of a fixed seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export interface MadeLog {
  readonly lines: Iterable<string>;
  /** Of pictures that were answered. */
  readonly pictures: () => number;
}

/** imgproxy's URLs in nginx's combined format, with other requests, errors and broken lines between them. */
export function imgproxyLog(count: number, seed = 1): MadeLog {
  let pictures = 0;
  function* lines() {
    const random = seeded(seed);
    const total = SIZES.reduce((sum, [, , , weight]) => sum + weight, 0);
    for (let at = 0; at < count; at += 1) {
      const odd = random();
      if (odd < 0.05) {
        yield oddLine(at);
        continue;
      }
      let chosen = random() * total;
      const [type, w, h] =
        SIZES.find(([, , , weight]) => {
          chosen -= weight;
          return chosen < 0;
        }) ?? SIZES[0];
      const ratio = RATIOS[Math.floor(random() * RATIOS.length)] ?? 1;
      const extension = EXTENSIONS[Math.floor(random() * EXTENSIONS.length)] ?? '';
      const dpr = ratio === 1 ? '' : `/dpr:${ratio}`;
      const rare = random() < 0.01 ? `/bl:${Math.ceil(random() * 200)}` : '';
      const path = `/AfrOrF3gWeDA6VOlDG4TzxMv39O7MXnF4CXpKUwGqRM/rs:${type}:${w}:${h}${dpr}${rare}/plain/https://cdn.example.com/p/${at % 5000}.jpg${extension}`;
      const status = random() < 0.02 ? 404 : 200;
      if (status === 200) pictures += 1;
      yield `203.0.113.9 - - [26/Nov/2026:12:00:00 +0000] "GET ${path} HTTP/1.1" ${status} 1234 "-" "Mozilla/5.0"`;
    }
  }
  return { lines: lines(), pictures: () => pictures };
}

function oddLine(at: number): string {
  const odd = [
    '203.0.113.9 - - [26/Nov/2026:12:00:00 +0000] "GET /css/site.css HTTP/1.1" 200 99 "-" "-"',
    '203.0.113.9 - - [26/Nov/2026:12:00:00 +0000] "\\x16\\x03\\x01" 400 0 "-" "-"',
    '{"url": "/half',
    '\u0000\u0001\ufffd',
    '',
    'x'.repeat(40_000),
  ];
  return odd[at % odd.length] ?? '';
}
