import assert from 'node:assert/strict';

/** What stands on every answer, pictures and errors alike. */
export const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
  'timing-allow-origin': '*',
};

/** Exact values, patterns, or null for a header that must not be there. */
export function assertHeaders(response: Response, expected: Record<string, string | RegExp | null>) {
  for (const [name, value] of Object.entries(expected)) {
    const found = response.headers.get(name);
    if (value instanceof RegExp) assert.match(found ?? '', value, name);
    else assert.equal(found, value, name);
  }
}
