/** The Next.js shop of `bench/cards.ts`: one page of cards in each kind of markup, and otherwise the same. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Kinds of markup, and what each is. */
export const KINDS = {
  picture: 'Darkroom, `<Picture>` with `meta` and ThumbHash',
  'picture-colour': 'Darkroom, `<Picture>` with `meta` and its colour',
  img: 'Darkroom, `<Image>`, format by Accept',
  next: "next/image and Next's own optimizer",
  imgix: 'imgix-style: 31 widths in one `<img>`, answered by Darkroom',
} as const;
export type Kind = keyof typeof KINDS;

export interface Card {
  readonly id: string;
  readonly meta: { readonly width: number; readonly height: number };
}

/** Widths of the card in `presets.json` and of its places on the page, the same for all kinds. */
export const CARD_PRESET = {
  width: 400,
  height: 300,
  fit: 'cover',
  format: 'auto',
  widths: [200, 400, 600, 800, 1200],
};
const SIZES = '(min-width: 900px) 300px, 50vw';

/** From 100 to 8192 pixels, each 16 % above the one before, as imgix's libraries choose them (https://docs.imgix.com/en-US/ecosystem/imgix-core-js/fluid-images). */
function imgixWidths(): number[] {
  const widths: number[] = [];
  for (let width = 100; width < 8192; width *= 1.16) widths.push(Math.round(width));
  return [...widths, 8192];
}

const PAGE = `import { Image as DarkroomImage, Picture } from '@darkroom-images/next';
import { createSigner } from '@darkroom-images/url';
import NextImage from 'next/image';
import cards from '../cards.json';
import presets from '../presets.json';

export const dynamicParams = false;
export const generateStaticParams = () => ${JSON.stringify(Object.keys(KINDS))}.map((kind) => ({ kind }));
const signer = createSigner({ baseUrl: process.env.IMAGE_BASE_URL, key: process.env.DARKROOM_SIGNING_KEY, presets });
const sizes = '${SIZES}';

const imgix = (id, width) => \`\${process.env.IMGIX_BASE_URL}/\${id}?w=\${width}&h=\${Math.round(width * 0.75)}&fit=crop&auto=format\`;

function Card({ kind, id, meta, isFirst }) {
  const shared = { alt: '', sizes };
  const darkroom = { ...shared, src: signer.url(id, 'card'), preset: presets.card, meta, priority: isFirst };
  if (kind === 'picture') return <Picture {...darkroom} placeholder="thumbhash" />;
  if (kind === 'picture-colour') return <Picture {...darkroom} />;
  if (kind === 'img') return <DarkroomImage {...darkroom} />;
  if (kind === 'next') return <NextImage {...shared} src={'/originals/' + id} width={400} height={300} priority={isFirst} />;
  const urgency = isFirst ? { fetchPriority: 'high' } : { loading: 'lazy', decoding: 'async' };
  const srcSet = ${JSON.stringify(imgixWidths())}.map((width) => \`\${imgix(id, width)} \${width}w\`).join(', ');
  return <img {...urgency} {...shared} src={imgix(id, 400)} srcSet={srcSet} width={400} height={300} />;
}

export default async function Page({ params }) {
  const { kind } = await params;
  return <ul>{cards.map(({ id, meta }, at) => <li key={id}><Card kind={kind} id={id} meta={meta} isFirst={at < 2} /><p>A listing</p></li>)}</ul>;
}
`;
const LAYOUT = `import './shop.css';
export const metadata = { title: 'Cards', icons: 'data:,' };
export default ({ children }) => <html lang="en"><body>{children}</body></html>;
`;
const CSS = `body { margin: 0; font: 14px/1.4 sans-serif; }
ul { display: grid; grid-template-columns: repeat(2, 1fr); gap: 8px; margin: 0; padding: 0; list-style: none; }
@media (min-width: 900px) { ul { grid-template-columns: repeat(4, 300px); } }
img { display: block; width: 100%; height: auto; aspect-ratio: 4 / 3; object-fit: cover; }
p { margin: 4px 0 8px; }
`;

/** Turns a copy of `examples/next` into the shop of the bench. Its originals lie in `public/originals`, for Next's optimizer. */
export async function writeCardsShop(folder: string, cards: readonly Card[]): Promise<void> {
  await rm(join(folder, 'app'), { recursive: true });
  await mkdir(join(folder, 'app/[kind]'), { recursive: true });
  const files = {
    'next.config.js': 'export default {};\n',
    'app/presets.json': JSON.stringify({ card: CARD_PRESET }),
    'app/cards.json': JSON.stringify(cards),
    'app/layout.jsx': LAYOUT,
    'app/shop.css': CSS,
    'app/[kind]/page.jsx': PAGE,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
