import { type Fields, NOT_SET, named } from './field.ts';

const MAX_OFFSET_PX = 4096;
const offset = {
  kind: 'number',
  min: -MAX_OFFSET_PX,
  max: MAX_OFFSET_PX,
  step: 1,
  slide: [-200, 400],
  neutral: 0,
  unit: 'px',
} as const;

const LAID: Fields = {
  position: {
    kind: 'choice',
    label: 'Position',
    neutral: 'southeast',
    without: ['tile'],
    values: [
      ['northwest', 'Top left'],
      ['north', 'Top'],
      ['northeast', 'Top right'],
      ['west', 'Left'],
      ['center', 'Middle'],
      ['east', 'Right'],
      ['southwest', 'Bottom left'],
      ['south', 'Bottom'],
      ['southeast', 'Bottom right'],
    ],
  },
  offset: {
    kind: 'group',
    label: 'Offset',
    fields: { x: { ...offset, label: 'Across' }, y: { ...offset, label: 'Down' } },
  },
  width: { kind: 'number', label: 'Width', min: 0.1, max: 100, step: 0.1, unit: '%', note: 'Of the picture.' },
  opacity: { kind: 'number', label: 'Opacity', min: 0.01, max: 1, step: 0.01, neutral: 1 },
  rotate: { kind: 'number', label: 'Turned', min: -360, max: 360, step: 1, slide: [-180, 180], neutral: 0, unit: '°' },
  blend: {
    kind: 'choice',
    label: 'Blend',
    neutral: 'over',
    values: [...named('over', 'multiply', 'screen', 'overlay', 'darken', 'lighten'), ['soft-light', 'Soft light']],
  },
  tile: { kind: 'toggle', label: 'Repeated all over', without: ['position'] },
  minWidth: {
    ...{ kind: 'number', label: 'Left out below', min: 1, max: 32_768, step: 1, whole: true, slide: [1, 1200] },
    unit: 'px',
  },
};

export const OVERLAYS: Fields = {
  overlays: {
    kind: 'list',
    label: 'Overlays',
    most: 4,
    items: [
      {
        ...{
          label: 'an image',
          by: 'image',
          needed: { image: '' },
          start: { image: '', width: 20, offset: { x: 16, y: 16 } },
        },
        fields: { image: { kind: 'asset', label: 'Image', of: 'images' }, ...LAID },
      },
      {
        ...{
          label: 'a text',
          by: 'text',
          needed: { text: '' },
          start: { text: 'Reserved', position: 'center', size: 48, background: '#000000b0' },
        },
        fields: {
          text: { kind: 'text', label: 'Text', most: 200, lines: true, note: '{seller} takes its value from the URL.' },
          size: {
            ...{ kind: 'number', label: 'Size', min: 4, max: 1000, step: 1, slide: [8, 200], neutral: 24 },
            unit: 'px',
          },
          color: { kind: 'colour', label: 'Colour', alpha: true, start: '#ffffff', neutral: '#ffffff' },
          background: { kind: 'colour', label: 'Plate', alpha: true, start: '#000000b0' },
          outline: {
            kind: 'group',
            label: 'Outline',
            start: { color: '#00000099', width: 2 },
            fields: {
              color: { kind: 'colour', label: 'Colour', alpha: true, start: '#00000099' },
              width: { kind: 'number', label: 'Width', min: 0.5, max: 50, step: 0.5, slide: [0.5, 20], unit: 'px' },
            },
          },
          font: { kind: 'asset', label: `Font`, of: 'fonts', note: `${NOT_SET}: the one that Darkroom brings.` },
          ...LAID,
        },
      },
    ],
  },
};
