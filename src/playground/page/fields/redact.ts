import type { Fields, Way } from './field.ts';

const covers = (first: string): Way[] => [
  { label: first, value: undefined },
  { label: 'Blurred', value: 'blur' },
  { label: 'Squares', value: 'pixelate' },
  { label: 'A colour', start: '#000000', field: { kind: 'colour', label: 'Colour', start: '#000000' } },
];
const fraction = { kind: 'number', min: 0, max: 1, step: 0.01 } as const;

const BOX = { x: 0.35, y: 0.4, width: 0.3, height: 0.2 };

export const REDACT: Fields = {
  redact: {
    kind: 'group',
    label: 'Redact',
    fields: {
      faces: { kind: 'ways', label: 'Faces', note: 'All heads that are found.', ways: covers('Shown') },
      boxes: {
        kind: 'list',
        label: 'Boxes',
        note: 'The same places of every original.',
        most: 16,
        items: [
          {
            label: 'a box',
            by: 'x',
            start: BOX,
            needed: BOX,
            fields: {
              x: { ...fraction, label: 'Left' },
              y: { ...fraction, label: 'Top' },
              width: { ...fraction, min: 0.01, label: 'Width' },
              height: { ...fraction, min: 0.01, label: 'Height' },
            },
          },
        ],
      },
      style: { kind: 'ways', label: 'How boxes are covered', ways: covers('Black') },
    },
  },
};

export const SHAPE: Fields = {
  radius: {
    kind: 'ways',
    label: 'Corners',
    neutral: 0,
    ways: [
      { label: 'Square', value: undefined },
      {
        label: 'Rounded, in pixels',
        start: 24,
        field: { ...{ kind: 'number', label: 'Radius', min: 0, max: 8192, step: 1 }, slide: [0, 300], unit: 'px' },
      },
      { label: 'Rounded, in percent', start: '10%', field: { kind: 'percent', label: 'Radius', max: 50 } },
      { label: 'A circle', value: 'circle' },
    ],
  },
  border: {
    kind: 'group',
    label: 'Border',
    start: { width: 6, color: '#ffffff' },
    fields: {
      width: { kind: 'number', label: 'Width', min: 0, max: 1000, step: 0.5, slide: [0, 60], unit: 'px' },
      color: { kind: 'colour', label: 'Colour', start: '#ffffff' },
    },
  },
};
