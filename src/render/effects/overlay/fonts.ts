import { fileURLToPath } from 'node:url';
import type { OverlayAssets, OverlayFont } from './assets.ts';

const file = (name: string) => fileURLToPath(new URL(`./fonts/${name}`, import.meta.url));

/** Latin, Greek, Cyrillic, Arabic, Hebrew, Armenian, Georgian: https://dejavu-fonts.github.io. In keys of renditions. */
export const SHIPPED_FONT_VERSION = 'DejaVu Sans 2.37';

export const shippedFont = (): OverlayFont => ({
  ...{ name: '', path: file('DejaVuSans.ttf'), family: 'DejaVu Sans', style: 'Regular' },
});

/** A configuration of fontconfig without the machine's fonts. */
export const fontconfigFile = () => file('fonts.conf');

/** Without a folder of assets: texts in the font that ships, and no images. */
export const noAssets = (): OverlayAssets => ({ image: () => undefined, fonts: [shippedFont()] });
