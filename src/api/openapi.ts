import { z } from 'zod';
import { editPatch } from './edits/edit-fields.ts';
import {
  bulkPurgeCount,
  bulkPurgeRequest,
  completeResponse,
  editResponse,
  errorResponse,
  imageResponse,
  metaRequest,
  metaResponse,
  purgeJobResponse,
  purgeResponse,
  refusalResponse,
  uploadRequest,
  uploadResponse,
} from './schemas.ts';

/** The API described as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html). */
export function openApi(version: string) {
  const json = (schema: z.ZodType) => ({
    content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
  });
  const idParameter = {
    name: 'id',
    in: 'path',
    required: true,
    description: 'Percent-encoded as one segment',
    schema: { type: 'string' },
  };
  const exifParameter = {
    ...{ name: 'exif', in: 'query', description: 'Tells capture time and camera too' },
    schema: { type: 'string', enum: ['true', 'false'], default: 'false' },
  };
  const failures = Object.fromEntries(
    [
      ['400', 'A field is wrong; the message names it'],
      ['401', 'No bearer token'],
      ['403', 'A wrong token'],
      ['502', 'A store failed'],
      ['504', 'A store was too slow'],
    ].map(([status = '', description]) => [status, { description, ...json(errorResponse) }]),
  );
  return {
    openapi: '3.1.0',
    info: { title: 'Darkroom', version },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths: {
      '/v1/images/meta': {
        post: {
          summary:
            'Size, colour, placeholder, faces and a photo report of up to 200 originals, from what is known or after one look',
          requestBody: { required: true, ...json(metaRequest) },
          responses: { '200': { description: 'In the order asked for', ...json(metaResponse) }, ...failures },
        },
      },
      '/v1/images/upload-url': {
        post: {
          summary:
            'An id for a new original, a URL to PUT it to within five minutes, and the signed URLs of its renditions',
          requestBody: { required: true, ...json(uploadRequest) },
          responses: {
            '200': { description: 'Nothing is there before the PUT', ...json(uploadResponse) },
            ...failures,
            '400': {
              description:
                'A field is wrong; the message names it. `empty`, `too_large`, `unsupported_type`: the file is',
              ...json(refusalResponse),
            },
          },
        },
      },
      '/v1/images/{id}/complete': {
        post: {
          summary:
            'Looks at what was really uploaded, whatever its name and type say; what is no picture is quarantined',
          parameters: [idParameter, exifParameter],
          responses: {
            '200': { description: 'What was found', ...json(completeResponse) },
            '404': { description: 'Nothing was uploaded', ...json(errorResponse) },
            '413': { description: 'Larger than this server can hold; the upload stays', ...json(refusalResponse) },
            '422': {
              description:
                'Refused; `reason` and message say why. Quarantined, unless it is a picture of a type that is not read',
              ...json(refusalResponse),
            },
            '503': { description: 'Busy; the upload stays, call again', ...json(errorResponse) },
            ...failures,
          },
        },
      },
      '/v1/images/{id}': {
        get: {
          summary: 'The same of one original, with the ETag for If-Match of PATCH',
          parameters: [idParameter],
          responses: {
            '200': { description: 'Size, colours and report are those of the edited picture', ...json(imageResponse) },
            '404': { description: 'No such original', ...json(errorResponse) },
            '413': { description: 'Larger than this server can hold', ...json(refusalResponse) },
            '422': { description: 'No picture that can be read', ...json(refusalResponse) },
            ...failures,
          },
        },
        patch: {
          summary:
            'Turns, flips, crops and covers an original in all its renditions, says what its crops keep and what it shows; merged by RFC 7396, null takes back',
          parameters: [
            idParameter,
            { name: 'If-Match', in: 'header', description: 'ETag of GET or PATCH', schema: { type: 'string' } },
          ],
          requestBody: {
            required: true,
            content: {
              ...json(editPatch).content,
              'application/merge-patch+json': json(editPatch).content['application/json'],
            },
          },
          responses: {
            '200': { description: 'The edit as it is now, with its ETag', ...json(editResponse) },
            '404': { description: 'No such original', ...json(errorResponse) },
            '412': { description: 'It was changed since that ETag', ...json(errorResponse) },
            ...failures,
            '502': {
              description:
                'The edit was not written; or, with its fields, it was and some steps behind it failed: call again',
              ...json(editResponse.partial().extend(errorResponse.shape)),
            },
          },
        },
        delete: {
          summary:
            'Removes the renditions of an original from memory, the result store and the CDN, and the original on request',
          parameters: [
            idParameter,
            { name: 'original', in: 'query', schema: { type: 'string', enum: ['true', 'false'], default: 'false' } },
          ],
          responses: {
            '200': { description: 'What was removed', ...json(purgeResponse) },
            ...failures,
            '502': {
              description: 'Some steps failed; the others were done',
              ...json(purgeResponse.extend(errorResponse.shape)),
            },
          },
        },
      },
      '/v1/purge': {
        post: {
          summary:
            'Purges up to 1,000 originals, or all of a folder, in the background; originals themselves are never deleted',
          requestBody: { required: true, ...json(bulkPurgeRequest) },
          responses: {
            '200': { description: 'With dryRun: nothing was done', ...json(bulkPurgeCount) },
            '202': { description: 'What is made from here on is new; the rest is removed', ...json(purgeJobResponse) },
            ...failures,
          },
        },
      },
      '/v1/purge/{job}': {
        get: {
          summary: 'How far such a purge is',
          parameters: [{ name: 'job', in: 'path', required: true, schema: { type: 'string' } }],
          responses: {
            '200': { description: 'Kept for a day after it is done', ...json(purgeJobResponse) },
            '404': { description: 'No such job', ...json(errorResponse) },
            ...failures,
          },
        },
      },
    },
  };
}
