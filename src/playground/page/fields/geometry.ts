import { type Fields, named, type Way } from './field.ts';

const MAX_SIDE_PX = 8192;
const MAX_CROP_PX = 1_000_000;
const side = { kind: 'number', min: 1, max: MAX_SIDE_PX, step: 1, whole: true, slide: [16, 2400], unit: 'px' } as const;
const length = { kind: 'length', max: MAX_CROP_PX } as const;
const fraction = { kind: 'number', min: 0, max: 1, step: 0.01 } as const;
const GRAVITIES: readonly (readonly [value: string, label: string])[] = [
  ['auto', 'Faces, else detail'],
  ['faces', 'Faces (as auto)'],
  ['attention', 'Attention'],
  ['entropy', 'Busiest part'],
  ['center', 'Middle'],
  ['north', 'Top'],
  ['northeast', 'Top right'],
  ['east', 'Right'],
  ['southeast', 'Bottom right'],
  ['south', 'Bottom'],
  ['southwest', 'Bottom left'],
  ['west', 'Left'],
  ['northwest', 'Top left'],
];
const gravities: Way[] = GRAVITIES.map(([value, label]) => ({ label, value }));

export const GEOMETRY: Fields = {
  width: { ...side, label: 'Width' },
  height: { ...side, label: 'Height' },
  aspectRatio: {
    ...{ kind: 'text', label: 'Aspect ratio', most: 19, suggestions: ['1:1', '4:3', '3:2', '16:9', '4:5', '1.91:1'] },
    note: 'In place of width or height.',
  },
  fit: {
    kind: 'choice',
    label: 'Fit',
    default: 'inside',
    values: [
      ['inside', 'Inside: all of it'],
      ['cover', 'Cover: fill and cut'],
      ['contain', 'Contain: on a background'],
      ['pad', 'Pad: on itself'],
      ['fill', 'Fill: stretch'],
      ['outside', 'Outside: at least so large'],
    ],
  },
  gravity: {
    kind: 'ways',
    label: 'Gravity',
    note: 'What cover keeps.',
    default: 'auto',
    ways: [
      ...gravities,
      {
        label: 'A focal point',
        start: { x: 0.5, y: 0.5 },
        field: {
          kind: 'group',
          label: 'Focal point',
          fields: { x: { ...fraction, label: 'From the left' }, y: { ...fraction, label: 'From the top' } },
        },
      },
    ],
  },
  faceZoom: {
    ...{ kind: 'number', label: 'Face zoom', min: 1, max: 8, step: 0.1, default: 1 },
    note: 'How far cover may zoom in on a face.',
  },
  crop: {
    kind: 'group',
    label: 'Crop',
    note: 'A part of the original, before all else.',
    start: { x: '10%', y: '10%', width: '80%', height: '80%' },
    fields: {
      x: { ...length, label: 'Left', min: 0, default: 0 },
      y: { ...length, label: 'Top', min: 0, default: 0 },
      width: { ...length, label: 'Width', min: 1 },
      height: { ...length, label: 'Height', min: 1 },
    },
  },
  trim: {
    kind: 'ways',
    label: 'Trim a plain border',
    default: false,
    ways: [
      { label: 'Off', value: false },
      { label: 'On', value: true },
      {
        label: 'With a tolerance',
        start: { tolerance: 20 },
        field: {
          kind: 'group',
          label: 'Trim',
          fields: { tolerance: { kind: 'number', label: 'Tolerance', min: 0, max: 128, step: 1, whole: true } },
        },
      },
    ],
  },
  rotate: {
    kind: 'choice',
    label: 'Rotate',
    values: [
      [undefined, 'Not turned'],
      [90, '90° clockwise'],
      [180, '180°'],
      [270, '90° anticlockwise'],
    ],
  },
  flip: {
    kind: 'choice',
    label: 'Flip',
    values: [[undefined, 'Not flipped'], ...named('horizontal', 'vertical', 'both')],
  },
  enlarge: { kind: 'toggle', label: 'Enlarge small originals', default: false, without: ['extend'] },
  extend: { kind: 'toggle', label: 'Extend the canvas of small ones', default: false, without: ['enlarge'] },
  padding: {
    kind: 'ways',
    label: 'Padding',
    neutral: 0,
    ways: [
      { label: 'None', value: undefined },
      {
        label: 'All round',
        start: 16,
        field: {
          ...{ kind: 'number', label: 'Padding', min: 0, max: 2000, step: 1, whole: true },
          slide: [0, 200],
          unit: 'px',
        },
      },
      { label: 'Each side', start: [16, 16, 16, 16], field: { kind: 'sides', label: 'Padding', max: 2000 } },
    ],
  },
  margin: { kind: 'number', label: 'Margin', min: 0, max: 40, step: 0.5, default: 0, unit: '%' },
  background: {
    kind: 'ways',
    label: 'Background',
    ways: [
      { label: 'White, or transparent', value: undefined },
      { label: 'A colour', start: '#ffffff', field: { kind: 'colour', label: 'Background', start: '#ffffff' } },
      { label: 'Blurred copy (pad)', value: 'blur' },
      { label: 'Colour of the edges (pad)', value: 'auto' },
    ],
  },
  page: {
    ...{ kind: 'number', label: 'Page', min: 0, max: 999, step: 1, whole: true, slide: [0, 20], neutral: 0 },
    note: 'Of animations, TIFF and HEIC; 0 is the first.',
  },
};
