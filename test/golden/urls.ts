/**
 * The URLs of the golden list, in the order in which they are asked: what a rendition is made of depends on what was made of its
 * original before, so the order is a part of the list.
 */

export interface Question {
  /** Names the line in the list, so no two are the same. */
  readonly label: string;
  /** `sign` is given a preset with its suffix, an id and, in unix seconds, when the URL expires. */
  readonly path: (sign: Sign) => string;
  readonly method?: string;
  /** No Accept header at all where left out. */
  readonly accept?: string;
  /** `own`: the ETag of the answer that the same path had last. */
  readonly ifNoneMatch?: string;
  /** The number of seconds in Cache-Control changes with the clock. */
  readonly expiresSoon?: boolean;
}
export type Sign = (preset: string, id: string, expiresAt?: number) => string;
type Details = Omit<Question, 'label' | 'path'> & { readonly note?: string };

const SAMPLES = [
  ...['astronaut.jpg', 'chelsea.png', 'coffee.jpg', 'cutout.png', 'rocket.webp'],
  ...['spinner.gif', 'turned.jpg', 'wide-gamut.jpg'],
];
const BUILT_IN = [
  ...['thumb', 'small', 'medium', 'large', 'retina', 'og'],
  ...['avatar-small', 'avatar-medium', 'avatar-large'],
];
/** An id of all that URLs encode. */
export const AWKWARD_ID = "shelf/Süße Tasse (1)+2~'$&.jpg";
/** Its working copy is made by the first set of URLs and used by the second. */
export const DEAR_ID = 'shelf/large.avif';

/** These are cropped around faces, which are looked for before the list begins. The smallest first: a cold detector is slow. */
export const WITH_FACES = [
  ...['spinner.gif', ...SAMPLES.filter((id) => id !== 'spinner.gif'), AWKWARD_ID, 'large.jpg'],
  'tile-1.heic',
];
/** Heads are covered in these, all that are there. */
export const FACES_COVERED = ['astronaut.jpg', 'cutout.png', 'spinner.gif', 'wide-gamut.jpg', 'tile-1.heic'];

const ACCEPT = {
  chrome: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  webp: 'image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
  any: '*/*',
  'no avif': 'image/avif;q=0, IMAGE/WebP;q=0.1',
  'image/*': 'image/*',
} as const;
const accepting = (name: keyof typeof ACCEPT): Details => ({ accept: ACCEPT[name], note: `Accept: ${name}` });

function url(preset: string, id: string, { note, ...details }: Details = {}): Question {
  const { method = 'GET' } = details;
  const label = [...(method === 'GET' ? [] : [method]), preset, id, ...(note ? [`(${note})`] : [])].join(' ');
  return { ...details, label, path: (sign) => sign(preset, id) };
}

/** What no signer would write. */
function odd(label: string, path: Question['path'], details: Omit<Question, 'label' | 'path'> = {}): Question {
  return { ...details, label: `(${label})`, path };
}

const each = (presets: readonly string[], id: string) => presets.map((preset) => url(preset, id));

const tampered = (path: string) => path.replace(/^\/(.)/, (_, first) => (first === 'A' ? '/B' : '/A'));
/** A path whose last part is replaced, once signed: what arrives need not be what was signed. */
const lastPart =
  (id: string): Question['path'] =>
  (sign) =>
    sign('thumb', 'coffee.jpg').replace('coffee.jpg', id);
const CENTURY_END = 4_102_444_800;

const SUFFIXED: Record<string, readonly string[]> = {
  'astronaut.jpg': [
    ...['thumb@2x', 'thumb@3x', 'thumb.avif', 'thumb@2x.avif', 'thumb.jpeg', 'medium@2x.jpeg', 'large.avif'],
    ...['og.webp', 'og.avif', 'avatar-small@3x', 'avatar-medium@2x.avif', 'avatar-large.jpeg'],
  ],
  'coffee.jpg': ['thumb@1x', 'thumb.webp', 'small@2x', 'small.avif', 'medium.avif', 'retina.avif', 'og@2x'],
  'chelsea.png': ['small.jpeg', 'medium.avif', 'thumb@3x.jpeg'],
  'cutout.png': ['small.avif', 'small.jpeg', 'medium@2x', 'avatar-large.avif'],
  'rocket.webp': ['medium.avif', 'thumb@2x.jpeg'],
  'spinner.gif': ['thumb.avif', 'small.jpeg'],
  'turned.jpg': ['medium.avif', 'og@2x.webp'],
  'wide-gamut.jpg': ['medium.avif', 'medium.jpeg'],
};

const INLINE: [recipe: string, id: string][] = [
  ['w_300,f_webp,q_30', 'coffee.jpg'],
  ['w_300,f_webp,e_6', 'coffee.jpg'],
  ['h_200,f_jpeg', 'coffee.jpg'],
  ['w_200,h_300,fit_fill,f_webp', 'coffee.jpg'],
  ['w_200,h_200,fit_outside,f_webp', 'coffee.jpg'],
  ['w_300,h_300,fit_contain,bg_336699,f_jpeg', 'coffee.jpg'],
  ['w_320,f_png', 'coffee.jpg'],
  ['w_320,f_avif,q_50', 'coffee.jpg'],
  ['w_64,f_avif,e_2', 'coffee.jpg'],
  ['w_2000,f_jpeg', 'coffee.jpg'],
  ['w_200,h_100,fit_cover,g_attention,f_webp', 'astronaut.jpg'],
  ['w_200,h_100,fit_cover,g_center,f_webp', 'astronaut.jpg'],
  ['w_200,h_100,fit_cover,g_faces,f_webp', 'astronaut.jpg'],
  ['w_120,h_160,fit_cover,g_faces,z_5,f_avif', 'astronaut.jpg'],
  ['w_100,h_200,fit_cover,g_attention,f_webp', 'rocket.webp'],
  ['w_300,t_10,f_webp', 'cutout.png'],
  ['w_300,h_300,fit_contain,t_20,m_8,f_jpeg', 'cutout.png'],
  ['w_300,h_300,fit_inside,m_10,bg_ffcc00,f_webp', 'cutout.png'],
  ['w_200,bg_ffcc00,f_jpeg', 'cutout.png'],
  ['w_200,f_png', 'cutout.png'],
  ['w_150,f_webp,a_1', 'spinner.gif'],
  ['w_240,f_webp,a_1', 'spinner.gif'],
  ['w_100,h_60,fit_cover,f_webp,a_1', 'spinner.gif'],
  ['w_150,f_png', 'spinner.gif'],
  ['w_300,gamut_p3,f_webp', 'wide-gamut.jpg'],
  ['w_300,gamut_p3,f_avif', 'wide-gamut.jpg'],
  ['w_300,gamut_p3,f_jpeg', 'wide-gamut.jpg'],
  ['w_200,c_1,f_jpeg', 'turned.jpg'],
  ['w_200,c_1,f_webp', 'turned.jpg'],
  ['w_200,h_200,fit_cover,g_center,c_1,f_avif', 'turned.jpg'],
];

const NEGOTIATED_INLINE = [
  ...(['chrome', 'webp', 'any', 'no avif', 'image/*'] as const).map((name) =>
    url('w_240', 'coffee.jpg', accepting(name)),
  ),
  url('w_240', 'coffee.jpg', { note: 'no Accept' }),
  url('w_240.jpeg', 'coffee.jpg', accepting('chrome')),
  url('w_240', 'cutout.png', accepting('chrome')),
  url('w_240', 'cutout.png', accepting('any')),
  url('w_120,a_1', 'spinner.gif', accepting('chrome')),
  url('w_120,a_1', 'spinner.gif', accepting('any')),
  url('w_2400,h_2400', 'rocket.webp', accepting('chrome')),
];

const CONDITIONAL = [
  url('thumb', 'coffee.jpg', { note: 'again' }),
  url('thumb', 'coffee.jpg', { method: 'HEAD' }),
  url('w_77,f_webp', 'coffee.jpg', { method: 'HEAD' }),
  url('thumb', 'coffee.jpg', { ifNoneMatch: 'own', note: 'If-None-Match' }),
  url('thumb', 'coffee.jpg', { ifNoneMatch: 'own', method: 'HEAD', note: 'If-None-Match' }),
  url('thumb', 'coffee.jpg', { ifNoneMatch: '*', note: 'If-None-Match: *' }),
  url('thumb', 'coffee.jpg', { ifNoneMatch: '"a", W/"b"', note: 'If-None-Match of others' }),
  url('w_240', 'coffee.jpg', { ...accepting('any'), note: 'once more' }),
  url('w_240', 'coffee.jpg', { ...accepting('any'), ifNoneMatch: 'own', note: 'If-None-Match' }),
  odd('exp in 2100', (sign) => sign('thumb', 'coffee.jpg', CENTURY_END)),
  odd('exp in an hour', (sign) => sign('thumb', 'coffee.jpg', inAnHour()), { expiresSoon: true }),
  odd('exp in an hour, negotiated', (sign) => sign('w_250', 'coffee.jpg', inAnHour()), {
    ...{ expiresSoon: true, accept: ACCEPT.chrome },
  }),
];
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

const ERRORS = [
  odd('bad signature', (sign) => tampered(sign('thumb', 'coffee.jpg'))),
  odd('bad signature of a negotiated URL', (sign) => tampered(sign('w_240', 'coffee.jpg')), { accept: ACCEPT.chrome }),
  odd('signature of another id', lastPart('rocket.webp')),
  odd('signature of another preset', (sign) => sign('thumb', 'coffee.jpg').replace('thumb', 'small')),
  odd('no signature', () => '//thumb/coffee.jpg'),
  odd('expired', (sign) => sign('thumb', 'coffee.jpg', 1_000_000_000)),
  odd('expired, negotiated', (sign) => sign('w_240', 'coffee.jpg', 1_000_000_000)),
  odd('exp taken off', (sign) => sign('thumb', 'coffee.jpg', CENTURY_END).replace(/\?.*/, '')),
  odd('exp of no number', (sign) => `${sign('thumb', 'coffee.jpg')}?exp=soon`),
  odd('another query parameter', (sign) => `${sign('thumb', 'coffee.jpg')}?width=300`),
  odd('another one beside exp', (sign) => `${sign('thumb', 'coffee.jpg', CENTURY_END)}&width=300`),
  ...[
    'no-such-preset',
    'thumb@4x',
    'thumb@300w',
    'thumb.gif',
    'thumb.png',
    'thumb@2.0x',
    'w_300,x_1',
    'w_300,fit_cover',
  ].map((preset) => url(preset, 'coffee.jpg')),
  odd('empty id', lastPart('')),
  odd('dot segments', lastPart('../coffee.jpg')),
  odd('encoded dot segments', lastPart('%2e%2e%2fcoffee.jpg')),
  odd('dot segments encoded twice', lastPart('%252e%252e/coffee.jpg')),
  odd('control character', lastPart('a%00b.jpg')),
  odd('invalid UTF-8', lastPart('%ff.jpg')),
  odd('stray percent sign', lastPart('100%.jpg')),
  odd('leading slash', lastPart('%2Fcoffee.jpg')),
  odd('513 bytes', lastPart('a'.repeat(513))),
  odd('letters encoded', lastPart('%63offee.jpg')),
  odd('two parts only', () => '/thumb/coffee.jpg'),
  odd('root', () => '/'),
  odd('API without a token', () => '/v1/images/meta'),
  url('thumb', 'coffee.jpg', { method: 'POST' }),
  url('thumb', 'no-such.jpg'),
  url('thumb', 'no-such.jpg', { method: 'HEAD' }),
  url('w_240', 'no-such.jpg', accepting('chrome')),
  url('thumb', 'truncated.jpg'),
  url('medium.avif', 'truncated.jpg'),
  url('thumb', 'text.jpg'),
  url('w_240', 'text.jpg', accepting('chrome')),
  url('thumb', 'empty.jpg'),
  url('thumb', 'drawing.png'),
];

/** Of a server without a presets file. */
export const BUILT_IN_URLS: readonly Question[] = [
  ...SAMPLES.flatMap((id) => each(BUILT_IN, id)),
  ...Object.entries(SUFFIXED).flatMap(([id, presets]) => each(presets, id)),
  ...each(['medium', 'large', 'small', 'retina', 'thumb', 'og', 'large@2x.avif'], 'large.jpg'),
  ...each(['thumb', 'medium.avif'], AWKWARD_ID),
  ...INLINE.map(([recipe, id]) => url(recipe, id)),
  ...NEGOTIATED_INLINE,
  ...CONDITIONAL,
  ...ERRORS,
  url('medium', DEAR_ID),
];

/** The presets file of the second set: what the built-in ones do not use. */
export const PRESETS = {
  card: { width: 400, widths: [160, 320, 640] },
  hero: { width: 480, height: 200, fit: 'cover', gravity: 'attention', pixelRatios: [1, 1.5], formats: ['webp'] },
  moving: { width: 100, animated: true },
  catalogue: {
    ...{ width: 320, height: 320, fit: 'contain', format: 'webp' },
    ...{ trim: { tolerance: 30 }, margin: 6.5, background: '#f4f4f4' },
  },
  print: { width: 360, format: 'jpeg', quality: 92, gamut: 'p3', keepCopyright: true },
  lossless: { width: 160, format: 'png', formats: ['webp'] },
  portrait: { width: 150, height: 200, fit: 'cover', gravity: 'faces', faceZoom: 2.5, format: 'avif' },
};

/** Of a server that starts again over the same results, with the presets above. */
export const OWN_PRESETS_URLS: readonly Question[] = [
  ...(['chrome', 'webp', 'any'] as const).flatMap((name) => [
    url('card', 'rocket.webp', accepting(name)),
    url('card@320w', 'rocket.webp', accepting(name)),
    url('hero', 'coffee.jpg', accepting(name)),
  ]),
  ...each(['card@160w.avif', 'card@640w.webp', 'card@640w.jpeg', 'card@300w', 'hero@1.5x', 'hero@2x'], 'coffee.jpg'),
  ...each(['hero.avif', 'lossless.avif', 'lossless', 'lossless.webp'], 'coffee.jpg'),
  url('card', 'cutout.png', accepting('any')),
  url('moving', 'spinner.gif', accepting('webp')),
  url('moving', 'spinner.gif', accepting('any')),
  ...each(['catalogue', 'catalogue@2x.jpeg', 'catalogue.avif'], 'cutout.png'),
  ...each(['print', 'print.webp'], 'wide-gamut.jpg'),
  ...each(['print', 'portrait'], 'turned.jpg'),
  ...each(['portrait', 'portrait@2x.webp'], 'astronaut.jpg'),
  url('thumb', 'coffee.jpg', { note: 'not in the file' }),
  // Kept by the server before: these come from the store.
  url('w_300,f_webp,q_30', 'coffee.jpg', { note: 'kept' }),
  url('w_300,f_webp,q_30', 'coffee.jpg', { note: 'kept, from memory' }),
  url('w_320,f_avif,q_50', 'coffee.jpg', { method: 'HEAD', note: 'kept' }),
  url('w_150,f_webp,a_1', 'spinner.gif', { note: 'kept' }),
  url('w_240', 'cutout.png', { ...accepting('any'), note: 'kept' }),
  // Made of the working copy.
  url('w_500,f_webp', DEAR_ID),
  url('w_300,f_avif', DEAR_ID),
];
