/**
 * A loader for next/image. The page's server signs one family URL and passes it as `src`:
 *
 *     <Image loader={darkroomLoader} src={images.url(id, 'card')} sizes="400px" fill alt="" />
 *
 * The suffix behind the preset is not signed, so the loader picks a width in the browser without the key. The widths are
 * those of the preset; give next.config.js the same ones (`images.deviceSizes`).
 */
export const CARD_WIDTHS = [200, 400, 800, 1200];

export default function darkroomLoader({ src, width }: { src: string; width: number; quality?: number }): string {
  const chosen = CARD_WIDTHS.find((offered) => offered >= width) ?? CARD_WIDTHS.at(-1);
  const url = new URL(src);
  const [, signature, preset, ...id] = url.pathname.split('/');
  url.pathname = ['', signature, `${preset}@${chosen}w`, ...id].join('/');
  return url.href;
}
