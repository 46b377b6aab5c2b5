import { errors } from '../errors.ts';
import { checkId, type ImageUrl, MalformedUrl, parseImagePath } from './parse-image-path.ts';

export { MAX_ID_BYTES } from './image-path.ts';
export type { ImageUrl } from './parse-image-path.ts';

/** The parts of a request target below the path prefix. Throws `bad_request`, or `not_found` where the path has fewer than three parts. */
export function parseImageUrl(target: string, prefix = ''): ImageUrl {
  return answering((text) => parseImagePath(text, prefix), target);
}

/** The id itself. Throws `bad_request` for ids that could leave their folder or that are no valid text. */
export function checkedId(id: string): string {
  return answering(checkId, id);
}

function answering<T>(read: (text: string) => T, text: string): T {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof MalformedUrl)) throw error;
    throw error.code === 'not_found' ? errors.notFound() : errors.badRequest(error.message);
  }
}
