import type { Field } from '../fields/field.ts';
import { assetControl, choiceControl, setControl, toggleControl } from './choice.ts';
import type { Context, Control, Write } from './control.ts';
import { groupControl, listControl, waysControl } from './nested.ts';
import { numberControl, percentControl } from './number.ts';
import { colourControl, lengthControl, numbersControl, sidesControl, textControl } from './text.ts';

/** The control of a field; `set` gets each value that is chosen, undefined for none. */
export function makeControl(field: Field, set: Write, context: Context): Control {
  switch (field.kind) {
    case 'number':
      return numberControl(field, set, context);
    case 'percent':
      return percentControl(field, set, context);
    case 'length':
      return lengthControl(field, set, context);
    case 'choice':
      return choiceControl(field, set, context);
    case 'toggle':
      return toggleControl(field, set, context);
    case 'colour':
      return colourControl(field, set, context);
    case 'text':
      return textControl(field, set, context);
    case 'asset':
      return assetControl(field, set, context);
    case 'set':
      return setControl(field, set, context);
    case 'numbers':
      return numbersControl(field, set, context);
    case 'sides':
      return sidesControl(field, set, context);
    case 'group':
      return groupControl(field, set, context);
    case 'list':
      return listControl(field, set, context);
    case 'ways':
      return waysControl(field, set, context);
  }
}
