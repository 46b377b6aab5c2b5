import { ADJUST, DETAIL } from './adjust.ts';
import { DELIVERY, ENCODE } from './encode.ts';
import type { Fields } from './field.ts';
import { GEOMETRY } from './geometry.ts';
import { OVERLAYS } from './overlays.ts';
import { REDACT, SHAPE } from './redact.ts';

export interface Group {
  readonly label: string;
  readonly fields: Fields;
}

/** In the order in which they are shown, which is about that in which they happen. */
export const GROUPS: readonly Group[] = [
  { label: 'Geometry', fields: GEOMETRY },
  { label: 'Adjust', fields: ADJUST },
  { label: 'Detail', fields: DETAIL },
  { label: 'Redact', fields: REDACT },
  { label: 'Shape', fields: SHAPE },
  { label: 'Overlays', fields: OVERLAYS },
  { label: 'Encode', fields: ENCODE },
  { label: 'Delivery', fields: DELIVERY },
];

export const ALL_FIELDS: Fields = Object.assign({}, ...GROUPS.map(({ fields }) => fields));
