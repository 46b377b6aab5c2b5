import { errors } from '../../errors.ts';
import { isEdit, nonEmpty, type ShopSays } from '../../originals/records/edit.ts';
import { parsed } from '../schemas.ts';
import { type EditPatch, wholeEdit } from './edit-fields.ts';

/** What the shop says after this patch. Throws a `bad_request` where a part is missing then, or does not fit the others. */
export function afterPatch(says: ShopSays, { alt: text, ...patch }: EditPatch): ShopSays {
  const whole = parsed(wholeEdit, mergePatch(says.edit ?? {}, patch));
  if (!isEdit(whole)) throw errors.badRequest('body: expected an edit');
  const edit = nonEmpty(whole);
  const alt = text === undefined ? says.alt : (text ?? undefined);
  return { ...(edit ? { edit } : {}), ...(alt === undefined ? {} : { alt }) };
}

/** RFC 7396, section 2. Both have been checked, so that they are not deep. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (value !== undefined) merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
