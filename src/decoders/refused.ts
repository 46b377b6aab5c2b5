import { isRawTiff } from './heads/tiff-head.ts';

/** Starts with one of these, from a byte on. */
const from =
  (at: number, ...words: readonly string[]) =>
  (start: string) =>
    words.some((word) => start.startsWith(word, at));
/** Of Fujifilm, Olympus, Panasonic, Sigma, Minolta. */
const RAW = from(0, 'FUJIFILMCCD-RAW', 'IIRO', 'IIRS', 'MMOR', 'IIU\0', 'FOVb', '\0MRM');
const TIFF = from(0, 'II*\0', 'MM\0*');
/** Matroska, MPEG, Flash. */
const VIDEO = from(0, '\x1aE\xdf\xa3', '\0\0\x01\xba', '\0\0\x01\xb3', 'FLV\x01');
/** Brands that stand first in films, and the boxes of old QuickTime. */
const FILM = from(
  4,
  ...['isom', 'iso2', 'iso4', 'iso5', 'iso6', 'mp4', 'avc1', 'qt  ', 'M4V', '3gp', 'MSNV'].map(
    (brand) => `ftyp${brand}`,
  ),
);
const FILM_BOXES = from(4, 'moov', 'mdat');

/** Formats that are known and not read, so that a refusal can name them. All but Canon's, all RAWs of cameras are a TIFF. */
const REFUSED: readonly [name: string, recognises: (start: string, file: Buffer) => boolean][] = [
  ['PDF', from(0, '%PDF-')],
  ['PostScript', from(0, '%!PS')],
  ['RAW', (start) => RAW(start) || from(4, 'ftypcrx ')(start)],
  ['RAW', (start, file) => TIFF(start) && isRawTiff(file)],
  ['Video', (start) => VIDEO(start) || FILM_BOXES(start) || (start.startsWith('RIFF') && from(8, 'AVI ')(start))],
  ['Video', (start) => FILM(start) && !start.includes('avif', 16)],
];
const START_BYTES = 64;

/** The name of what is not read; undefined for what is, and for what is not known. */
export function refusedName(file: Buffer): string | undefined {
  const start = file.toString('latin1', 0, START_BYTES);
  return REFUSED.find(([, recognises]) => recognises(start, file))?.[0];
}
