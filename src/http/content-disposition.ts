/** What separates folders, and what turns the direction of a line, so that `gpj.exe` would read `exe.jpg`. */
const MISLEADING = /[/\\\p{Cc}\p{Bidi_Control}]/gu;

/**
 * Content-Disposition of a picture that is to be saved (RFC 6266): the name for old clients in ASCII, and in UTF-8 by RFC 8187
 * where that differs. `name`: decoded text of any kind.
 */
export function contentDisposition(name: string): string {
  const safe = name.replace(MISLEADING, '_').replace(/^\.+/, '_');
  // RFC 6266, appendix D: clients read quotes, backslashes and percent signs in different ways.
  const ascii = safe
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^ -~]|["%;]/gu, '_');
  return ascii === safe
    ? `attachment; filename="${ascii}"`
    : `attachment; filename="${ascii}"; filename*=UTF-8''${extended(safe)}`;
}

/** `value-chars` of RFC 8187, 3.2.1: `encodeURIComponent` leaves four more characters raw. */
function extended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
