import sharp from 'sharp';

/**
 * Drawn pictures made by code: charts, logos, icons, pages, code, maps, pixel art. Text is set in the machine's own fonts, so bytes
 * differ a little between machines.
 */
export interface DrawnPicture {
  readonly name: string;
  readonly file: Buffer;
}

/** Numbers of a linear congruential generator, 0 to 1: the same pictures in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const svg = (width: number, height: number, body: string, background = '#ffffff') =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans, sans-serif">` +
      `${background === 'none' ? '' : `<rect width="100%" height="100%" fill="${background}"/>`}${body}</svg>`,
  );
const rect = (x: number, y: number, width: number, height: number, fill: string, more = '') =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}" ${more}/>`;
const text = (x: number, y: number, size: number, fill: string, words: string, more = '') =>
  `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}" ${more}>${words}</text>`;

const WORDS =
  'vintage bicycle frame red leather chair size medium used once in good order pick up near the station price to be agreed no returns oak table scratch on the left leg lamp works'.split(
    ' ',
  );
const TABLEAU = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b'];

function sentence(next: () => number, length: number): string {
  return Array.from({ length }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' ');
}

function lines(seed: number, width: number, height: number, size: number, ink: string, paper: string): Buffer {
  const next = numbers(seed);
  const rows = Math.floor(height / (size * 1.5)) - 1;
  const perRow = Math.floor(width / (size * 4.2));
  const body = Array.from({ length: rows }, (_, row) =>
    text(size, (row + 1.2) * size * 1.5, size, ink, sentence(next, perRow)),
  );
  return svg(width, height, body.join(''), paper);
}

function bars(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const step = (width - 80) / 12;
  const columns = Array.from({ length: 12 }, (_, at) => {
    const tall = (0.1 + 0.85 * next()) * (height - 100);
    const x = 60 + at * step;
    return (
      rect(x, height - 50 - tall, step * 0.7, tall, TABLEAU[at % TABLEAU.length]!) +
      text(x, height - 30, 12, '#333333', WORDS[at]!.slice(0, 7))
    );
  });
  const grid = Array.from({ length: 6 }, (_, at) => rect(55, 40 + ((height - 90) * at) / 6, width - 75, 1, '#dddddd'));
  return svg(width, height, `${grid.join('')}${columns.join('')}${text(60, 26, 18, '#000000', 'Sales by month')}`);
}

function curves(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const paths = TABLEAU.map((colour) => {
    let y = height / 2;
    const points = Array.from({ length: 80 }, (_, at) => {
      y = Math.min(height - 40, Math.max(30, y + (next() - 0.5) * 50));
      return `${50 + (at * (width - 70)) / 79},${y.toFixed(1)}`;
    });
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"/>`;
  });
  const frame = `<rect x="50" y="20" width="${width - 70}" height="${height - 60}" fill="none" stroke="#000000"/>`;
  const ticks = Array.from({ length: 9 }, (_, at) =>
    text(10, 30 + (at * (height - 60)) / 8, 11, '#000000', `${8 - at}.0`),
  );
  return svg(width, height, frame + paths.join('') + ticks.join(''));
}

function scatter(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const dots = Array.from({ length: 500 }, (_, at) => {
    const [x, y] = [(next() + next() + next()) / 3, (next() + next()) / 2];
    return `<circle cx="${(x * width).toFixed(1)}" cy="${(y * height).toFixed(1)}" r="4" fill="${TABLEAU[at % 4]}" fill-opacity="0.6"/>`;
  });
  return svg(width, height, dots.join(''));
}

function logo(seed: number, side: number, background: string): Buffer {
  const next = numbers(seed);
  const [first, second] = [TABLEAU[Math.floor(next() * 6)]!, TABLEAU[Math.floor(next() * 6)]!];
  const c = side / 2;
  return svg(
    side,
    side,
    `<circle cx="${c}" cy="${c}" r="${c * 0.9}" fill="${first}"/><path d="M${c} ${side * 0.15} L${side * 0.8} ${side * 0.75} L${side * 0.2} ${side * 0.75} Z" fill="${second}"/>` +
      text(c, c * 1.35, side / 8, '#ffffff', 'DARK', 'text-anchor="middle" font-weight="bold"'),
    background,
  );
}

function gradientLogo(width: number, height: number): Buffer {
  return svg(
    width,
    height,
    `<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#ff3366"/><stop offset="1" stop-color="#3366ff"/></linearGradient></defs>` +
      `<rect x="10" y="10" width="${width - 20}" height="${height - 20}" rx="40" fill="url(#g)"/>` +
      text(width / 2, height / 2 + 20, height / 4, '#ffffff', 'Shop', 'text-anchor="middle" font-weight="bold"'),
    'none',
  );
}

function page(seed: number, width: number, height: number, dark: boolean): Buffer {
  const next = numbers(seed);
  const [paper, ink, panel, accent] = dark
    ? ['#1e1e2e', '#cdd6f4', '#313244', '#f38ba8']
    : ['#ffffff', '#222222', '#f3f4f6', '#dc2626'];
  const parts = [
    rect(0, 0, width, 48, dark ? '#11111b' : '#1d4ed8'),
    text(20, 31, 18, '#ffffff', 'Darkroom market'),
    rect(0, 48, 200, height - 48, panel),
  ];
  for (let row = 0; row < (height - 60) / 30; row += 1) parts.push(text(20, 80 + row * 30, 13, ink, sentence(next, 2)));
  for (let y = 70; y < height - 90; y += 110) {
    parts.push(rect(220, y, width - 240, 96, panel, 'rx="8"'));
    parts.push(text(236, y + 28, 15, ink, sentence(next, 5)));
    parts.push(text(236, y + 52, 12, ink, sentence(next, 9)));
    parts.push(text(236, y + 78, 14, accent, `€ ${Math.floor(next() * 900)}.00`, 'font-weight="bold"'));
    parts.push(
      rect(width - 120, y + 60, 84, 26, accent, 'rx="5"') + text(width - 104, y + 78, 12, '#ffffff', 'Buy now'),
    );
  }
  return svg(width, height, parts.join(''), paper);
}

function code(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const colours = ['#569cd6', '#ce9178', '#6a9955', '#dcdcaa', '#d4d4d4'];
  const rows = Array.from({ length: Math.floor(height / 20) - 1 }, (_, row) => {
    let x = 50 + Math.floor(next() * 4) * 24;
    const words = Array.from({ length: 3 + Math.floor(next() * 5) }, () => {
      const word = WORDS[Math.floor(next() * WORDS.length)]!;
      const at = x;
      x += (word.length + 1) * 8.4;
      return text(at, 24 + row * 20, 14, colours[Math.floor(next() * 5)]!, word);
    });
    return text(12, 24 + row * 20, 14, '#858585', String(row + 1)) + words.join('');
  });
  return svg(width, height, `<g font-family="DejaVu Sans Mono, monospace">${rows.join('')}</g>`, '#1e1e1e');
}

function map(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const areas = Array.from({ length: 14 }, () => {
    const [x, y] = [next() * width, next() * height];
    const corners = Array.from(
      { length: 7 },
      (_, at) => `${(x + Math.cos(at) * 130 * next()).toFixed(0)},${(y + Math.sin(at) * 130 * next()).toFixed(0)}`,
    );
    return `<polygon points="${corners.join(' ')}" fill="${next() > 0.5 ? '#c8e6c0' : '#aadaff'}"/>`;
  });
  const roads = Array.from(
    { length: 24 },
    () =>
      `<path d="M${(next() * width).toFixed(0)} ${(next() * height).toFixed(0)} Q${(next() * width).toFixed(0)} ${(next() * height).toFixed(0)} ${(next() * width).toFixed(0)} ${(next() * height).toFixed(0)}" fill="none" stroke="${next() > 0.7 ? '#f9c74f' : '#ffffff'}" stroke-width="${(2 + next() * 6).toFixed(1)}"/>`,
  );
  const names = Array.from({ length: 20 }, () =>
    text(next() * width, next() * height, 11, '#555555', WORDS[Math.floor(next() * WORDS.length)]!),
  );
  return svg(width, height, areas.join('') + roads.join('') + names.join(''), '#f2efe9');
}

function redText(width: number, height: number): Buffer {
  const next = numbers(7);
  const rows = Array.from({ length: Math.floor(height / 18) - 1 }, (_, row) =>
    text(
      10,
      22 + row * 18,
      12,
      ['#ff0000', '#e00000', '#0000ff', '#d00060'][row % 4]!,
      sentence(next, Math.floor(width / 52)),
    ),
  );
  return svg(width, height, rows.join(''));
}

function diagram(seed: number, width: number, height: number): Buffer {
  const next = numbers(seed);
  const boxes = Array.from({ length: 10 }, (_, at) => {
    const [x, y] = [30 + (at % 4) * (width / 4), 30 + Math.floor(at / 4) * (height / 3)];
    return (
      `<path d="M${x + 60} ${y + 30} L${next() * width} ${next() * height}" stroke="#666666" stroke-width="1.5"/>` +
      `<rect x="${x}" y="${y}" width="130" height="60" rx="6" fill="#fff3bf" stroke="#e8590c" stroke-width="2"/>` +
      text(x + 12, y + 36, 14, '#000000', sentence(next, 2))
    );
  });
  return svg(width, height, boxes.join(''));
}

/** A sprite of few colours, enlarged without smoothing. */
async function pixelArt(seed: number, cells: number, scale: number, transparent: boolean): Promise<Buffer> {
  const next = numbers(seed);
  const palette = Array.from({ length: 8 }, () => [next() * 255, next() * 255, next() * 255].map(Math.floor));
  const data = Buffer.alloc(cells * cells * 4);
  for (let y = 0; y < cells; y += 1) {
    for (let x = 0; x < cells / 2; x += 1) {
      const colour = palette[Math.floor(next() * 8)]!;
      const alpha = transparent && next() < 0.4 ? 0 : 255;
      for (const column of [x, cells - 1 - x]) data.set([...colour, alpha], (y * cells + column) * 4);
    }
  }
  const image = sharp(data, { raw: { width: cells, height: cells, channels: 4 } }).resize(
    cells * scale,
    cells * scale,
    {
      kernel: 'nearest',
    },
  );
  return (transparent ? image : image.removeAlpha()).png().toBuffer();
}

/** As a program writes them: a palette where there are few colours, else true colour. */
async function png(drawing: Buffer, palette = false): Promise<Buffer> {
  return palette
    ? sharp(drawing).png({ palette: true, colours: 64, dither: 0 }).toBuffer()
    : sharp(drawing).png({ compressionLevel: 9 }).toBuffer();
}

/** Forty, most of them PNG; some are what people make of them: JPEG, WebP, and screens at twice their size. */
export async function drawnPictures(): Promise<DrawnPicture[]> {
  const made: [name: string, file: Promise<Buffer>][] = [
    ['text.png', png(lines(1, 800, 600, 14, '#111111', '#ffffff'))],
    ['text-small.png', png(lines(2, 600, 400, 11, '#333333', '#fafafa'), true)],
    ['text-large.png', png(lines(3, 1600, 1200, 28, '#000000', '#fffbe6'))],
    ['text-dark.png', png(lines(4, 1200, 800, 16, '#e0e0e0', '#121212'))],
    ['text-2x.png', png(lines(5, 2400, 1600, 30, '#111111', '#ffffff'))],
    ['red-text.png', png(redText(400, 300))],
    ['red-text-wide.png', png(redText(1200, 600))],
    ['red-text.webp', sharp(redText(800, 500)).webp({ lossless: true }).toBuffer()],
    ['bars.png', png(bars(11, 800, 500))],
    ['bars-wide.png', png(bars(12, 1600, 900), true)],
    ['curves.png', png(curves(13, 640, 480))],
    ['curves-large.png', png(curves(14, 1920, 1080))],
    ['scatter.png', png(scatter(15, 640, 480))],
    ['scatter-large.png', png(scatter(16, 1400, 1000))],
    ['logo.png', png(logo(21, 512, 'none'))],
    ['logo-white.png', png(logo(22, 800, '#ffffff'))],
    ['logo-small.png', png(logo(23, 128, 'none'), true)],
    ['logo-gradient.png', png(gradientLogo(600, 300))],
    ['logo-gradient-large.png', png(gradientLogo(1600, 800))],
    ['icon-32.png', png(logo(24, 32, 'none'))],
    ['icon-64.png', png(logo(25, 64, 'none'))],
    ['page.png', png(page(31, 1280, 800, false))],
    ['page-dark.png', png(page(32, 1280, 800, true))],
    ['page-phone.png', png(page(33, 780, 1688, false))],
    ['page-4k.png', png(page(34, 2560, 1440, false))],
    ['page-palette.png', png(page(35, 1024, 768, false), true)],
    [
      'page.jpg',
      sharp(page(36, 1280, 800, false))
        .jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
        .toBuffer(),
    ],
    [
      'page.webp',
      sharp(page(37, 1280, 800, true))
        .webp({ lossless: true })
        .toBuffer(),
    ],
    ['code.png', png(code(41, 900, 600))],
    ['code-large.png', png(code(42, 1920, 1200))],
    [
      'code.jpg',
      sharp(code(43, 1200, 800))
        .jpeg({ quality: 90 })
        .toBuffer(),
    ],
    ['map.png', png(map(51, 900, 600))],
    ['map-large.png', png(map(52, 1800, 1200))],
    ['diagram.png', png(diagram(53, 900, 500))],
    [
      'diagram-transparent.png',
      png(
        Buffer.from(
          diagram(54, 900, 500)
            .toString()
            .replace(/<rect width="100%".*?\/>/, ''),
        ),
      ),
    ],
    ['sprite.png', pixelArt(61, 16, 24, false)],
    ['sprite-transparent.png', pixelArt(62, 32, 16, true)],
    ['sprite-small.png', pixelArt(63, 24, 4, true)],
    [
      'sprite.gif',
      sharp(await pixelArt(64, 24, 20, false))
        .gif()
        .toBuffer(),
    ],
    [
      'bars.gif',
      sharp(bars(65, 700, 450))
        .gif()
        .toBuffer(),
    ],
  ];
  return Promise.all(made.map(async ([name, file]) => ({ name, file: await file })));
}
