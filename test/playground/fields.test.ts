import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import type { Field, Fields, Json } from '../../src/playground/page/fields/field.ts';
import { ALL_FIELDS, GROUPS } from '../../src/playground/page/fields/groups.ts';
import { presetSchema } from '../../src/presets/schema.ts';

interface Schema {
  readonly type?: string;
  readonly const?: Json;
  readonly enum?: readonly Json[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly default?: Json;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
}

const whole: Schema = z.toJSONSchema(presetSchema, { io: 'input', unrepresentable: 'any' }) as Schema;

/** The values that a schema names one by one. */
function namedBy(schema: Schema): Json[] {
  if (schema.const !== undefined) return [schema.const];
  if (schema.enum) return [...schema.enum];
  if (schema.type === 'boolean') return [true, false];
  return schema.anyOf?.flatMap(namedBy) ?? [];
}

/** What is left of a schema beside those values. */
function openOf(schema: Schema): Schema[] {
  if (schema.anyOf) return schema.anyOf.flatMap(openOf);
  return namedBy(schema).length > 0 ? [] : [schema];
}

const byText = (values: readonly (Json | undefined)[]) => values.map((value) => JSON.stringify(value)).sort();

function sameFields(fields: Fields, schema: Schema, path: string): void {
  const { properties = {} } = schema;
  assert.deepEqual(Object.keys(fields).sort(), Object.keys(properties).sort(), path);
  for (const [name, field] of Object.entries(fields)) {
    const own = properties[name] as Schema;
    assert.deepEqual(field.default, own.default, `the default of ${path}.${name}`);
    sameField(field, own, `${path}.${name}`);
    for (const other of field.without ?? []) assert.ok(other in fields, `${path}.${name} without ${other}`);
  }
}

function sameField(field: Field, schema: Schema, path: string): unknown {
  const [open = {}, ...more] = openOf(schema);
  switch (field.kind) {
    case 'number': {
      const least = open.exclusiveMinimum === undefined ? open.minimum : field.min;
      assert.ok(field.min > (open.exclusiveMinimum ?? Number.NEGATIVE_INFINITY), path);
      assert.deepEqual([field.min, field.max], [least, open.maximum], path);
      assert.equal(open.type, field.whole ? 'integer' : 'number', path);
      const [from, to] = field.slide ?? [field.min, field.max];
      assert.ok(field.min <= from && from < to && to <= field.max, `the slider of ${path}`);
      // The only other spelling of a number that the page reads.
      if (path !== 'preset.sepia') assert.deepEqual(namedBy(schema), [], path);
      return;
    }
    case 'percent':
      return assert.match(open.pattern ?? open.type ?? '', /%|string/, path);
    case 'length':
      assert.deepEqual([field.min, field.max, more[0]?.type], [open.minimum, open.maximum, 'string'], path);
      return;
    case 'choice':
    case 'toggle': {
      const values = field.kind === 'toggle' ? [true, false] : field.values.flatMap(([value]) => value ?? []);
      // What no switch need say: left out is the same.
      const known = field.kind === 'toggle' && namedBy(schema).length === 1 ? [true] : values;
      return assert.deepEqual(byText(known), byText(namedBy(schema)), path);
    }
    case 'colour':
      assert.match(open.pattern ?? '', /^\^#\[/, path);
      assert.equal(open.pattern?.includes('{2}') ?? false, field.alpha ?? false, path);
      return;
    case 'text':
      if (open.maxLength !== undefined) assert.equal(field.most, open.maxLength, path);
      return assert.equal(open.type, 'string', path);
    case 'asset':
      return assert.equal(open.type, 'string', path);
    case 'set':
      return assert.deepEqual(byText(field.values), byText(namedBy(schema.items ?? {})), path);
    case 'numbers':
      assert.deepEqual(
        [field.min, field.max, field.most],
        [open.items?.minimum, open.items?.maximum, open.maxItems],
        path,
      );
      return assert.equal(open.items?.type, field.whole ? 'integer' : 'number', path);
    case 'sides':
      return assert.deepEqual([open.prefixItems?.length, open.prefixItems?.[0]?.maximum], [4, field.max], path);
    case 'group':
      sameFields(field.fields, open, path);
      for (const name of open.required ?? [])
        assert.ok(
          name in (field.start ?? {}) || field.fields[name]?.neutral !== undefined || !field.start,
          `${path} needs ${name}`,
        );
      return;
    case 'list': {
      assert.equal(field.most, open.maxItems, path);
      const all: Fields = Object.assign({}, ...field.items.map(({ fields }) => fields));
      return sameFields(all, open.items ?? {}, `${path}[]`);
    }
    case 'ways': {
      const values = field.ways.flatMap((way) => ('value' in way ? (way.value ?? []) : []));
      assert.deepEqual(byText(values), byText(namedBy(schema)), path);
      const kinds = field.ways.flatMap((way) => ('field' in way ? way.field : []));
      const left = openOf(schema);
      assert.equal(kinds.length, left.length, path);
      for (const kind of kinds)
        assert.ok(
          left.some((each) => fits(kind, each)),
          `${path}: ${kind.label}`,
        );
      return;
    }
  }
}

function fits(field: Field, schema: Schema): boolean {
  try {
    sameField(field, schema, 'one of');
    return true;
  } catch {
    return false;
  }
}

/** Every value with which the page puts a field into a preset. */
function* startsOf(fields: Fields): Generator<[name: string, value: Json]> {
  for (const [name, field] of Object.entries(fields)) {
    if (field.kind === 'group' && field.start) yield [name, field.start];
    if (field.kind === 'ways') for (const way of field.ways) if ('start' in way) yield [name, way.start];
    if (field.kind === 'list') for (const { start } of field.items) yield [name, [start]];
    if (field.kind === 'choice') for (const [value] of field.values) if (value !== undefined) yield [name, value];
    if (field.kind === 'colour') yield [name, field.start];
  }
}

describe("the playground's table of fields", () => {
  it('has every field of the schema, of the same kind, with the same limits, values and defaults', () => {
    sameFields(ALL_FIELDS, whole, 'preset');
  });

  it('would notice a field that it lacks, a limit and a value', () => {
    const { width, ...others } = ALL_FIELDS;
    assert.throws(() => sameFields(others, whole, 'preset'), /preset/);
    for (const wrong of [
      { width: { ...width, max: 9 } },
      { rotate: { kind: 'choice', label: '', values: [[90, '']] } },
      { tint: { kind: 'colour', label: '', start: '#000000', alpha: true } },
      { trim: { kind: 'toggle', label: '', default: true } },
    ])
      assert.throws(() => sameFields({ ...ALL_FIELDS, ...wrong } as Fields, whole, 'preset'), /preset/);
  });

  it('shows each field in one group', () => {
    const names = GROUPS.flatMap(({ fields }) => Object.keys(fields));
    assert.equal(new Set(names).size, names.length);
  });

  it('begins each of them with a value that the schema takes', () => {
    const shape: Readonly<Record<string, z.ZodType>> = presetSchema.shape;
    for (const [name, value] of startsOf(ALL_FIELDS)) {
      // An image has a name once it is chosen.
      const chosen = JSON.parse(JSON.stringify(value).replace('"image":""', '"image":"a.png"'));
      const { error } = shape[name]?.safeParse(chosen) ?? {};
      assert.equal(error, undefined, `${name}: ${JSON.stringify(value)}`);
    }
  });

  it('calls neutral what changes nothing', () => {
    for (const [name, { neutral, ...field }] of Object.entries(ALL_FIELDS))
      if (neutral !== undefined) assert.equal(field.default, undefined, name);
  });
});
