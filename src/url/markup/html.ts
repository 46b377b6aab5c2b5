import type { ImgAttributes, PictureAttributes } from './markup.ts';

/** `<img>` or `<picture>` as HTML, everything escaped. `attributes` go on the img: alt, class, loading and so on. */
export function toHtml(
  markup: ImgAttributes | PictureAttributes,
  attributes: Readonly<Record<string, string>> = {},
): string {
  const { sources, img } = 'img' in markup ? markup : { sources: undefined, img: markup };
  const tag = `<img${written({ alt: '', ...img, ...attributes })}>`;
  return sources ? `<picture>${sources.map((source) => `<source${written(source)}>`).join('')}${tag}</picture>` : tag;
}

function written(attributes: object): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (!/^[a-z][a-z0-9-]*$/i.test(name)) throw new TypeError(`"${name}" cannot be the name of an attribute.`);
      return ` ${name}="${String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)}"`;
    })
    .join('');
}
