/**
 * How a field of a preset is shown as a control. The tables beside this file hold all of them, and test/playground/fields.test.ts compares
 * them with the schema: names, kinds, limits, values and defaults.
 */
export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };
export type Fields = Readonly<Record<string, Field>>;

interface Described {
  readonly label: string;
  /** What it does, in a few words. */
  readonly note?: string;
  /** The schema's; the value of a preset that does not say the field. */
  readonly default?: Json;
  /** What a field that is left out amounts to, where the schema has no default. */
  readonly neutral?: Json;
  /** Fields beside it that contradict it: setting this one takes them out. */
  readonly without?: readonly string[];
}

/** Values that a list holds, by what people read. `undefined`: the field is left out. */
export type Values = readonly (readonly [value: Json | undefined, label: string])[];

export interface NumberField extends Described {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** The part of the range that the slider spans; the number beside it takes all. */
  readonly slide?: readonly [from: number, to: number];
  readonly unit?: string;
  readonly whole?: true;
}
export interface PercentField extends Described {
  readonly kind: 'percent';
  readonly max: number;
}
/** Pixels, or percent such as `12.5%`. */
export interface LengthField extends Described {
  readonly kind: 'length';
  readonly min: number;
  readonly max: number;
}
export interface ChoiceField extends Described {
  readonly kind: 'choice';
  readonly values: Values;
}
export interface ToggleField extends Described {
  readonly kind: 'toggle';
}
export interface ColourField extends Described {
  readonly kind: 'colour';
  /** Two more digits for its opacity. */
  readonly alpha?: true;
  /** What the control shows before a colour is chosen. */
  readonly start: string;
}
export interface TextField extends Described {
  readonly kind: 'text';
  readonly most: number;
  readonly lines?: true;
  readonly suggestions?: readonly string[];
}
export interface AssetField extends Described {
  readonly kind: 'asset';
  readonly of: 'images' | 'fonts';
}
/** Several formats, say. */
export interface SetField extends Described {
  readonly kind: 'set';
  readonly values: readonly string[];
}
export interface NumbersField extends Described {
  readonly kind: 'numbers';
  readonly min: number;
  readonly max: number;
  readonly most: number;
  readonly whole?: true;
}
/** Top, right, bottom, left. */
export interface SidesField extends Described {
  readonly kind: 'sides';
  readonly max: number;
}
/** An object. Without `start` it is there as soon as one of its fields is; with it a switch puts it there. */
export interface GroupField extends Described {
  readonly kind: 'group';
  readonly fields: Fields;
  readonly start?: { readonly [name: string]: Json };
}
export interface ListField extends Described {
  readonly kind: 'list';
  readonly most: number;
  /** Kinds of entries, by the field that tells them apart. */
  readonly items: readonly Item[];
}
export interface Item {
  readonly label: string;
  readonly by: string;
  /** What a field becomes that is emptied, of those that an entry must have. */
  readonly needed: { readonly [name: string]: Json };
  readonly fields: Fields;
  readonly start: { readonly [name: string]: Json };
}
/** One of several kinds of values. */
export interface WaysField extends Described {
  readonly kind: 'ways';
  readonly ways: readonly Way[];
}
export type Way =
  | { readonly label: string; readonly value: Json | undefined }
  | { readonly label: string; readonly field: Field; readonly start: Json };

export type Field =
  | NumberField
  | PercentField
  | LengthField
  | ChoiceField
  | ToggleField
  | ColourField
  | TextField
  | AssetField
  | SetField
  | NumbersField
  | SidesField
  | GroupField
  | ListField
  | WaysField;

/** A value by its name, with the first letter in capitals. */
export const named = (...values: readonly string[]): Values =>
  values.map((value) => [value, value.charAt(0).toUpperCase() + value.slice(1)]);

export const NOT_SET = 'Not set';
