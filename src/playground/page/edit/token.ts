/** The API's token, in this tab alone: never in the address, in a log or in a cookie. */

const NAME = 'darkroom-api-token';

export const readToken = () => sessionStorage.getItem(NAME) ?? '';

export function keepToken(token: string): void {
  if (token === '') sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, token);
}

/** Throws an Error with the server's sentence. */
export async function patchImage(id: string, patch: object, token: string): Promise<{ readonly v: string }> {
  const answer = await fetch(`/v1/images/${encodeURIComponent(id)}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify(patch),
  });
  const data = await answer.json();
  if (answer.status === 401 || answer.status === 403) throw new Error('The token is not that of this server.');
  if (!answer.ok) throw new Error(data.message);
  return data;
}
