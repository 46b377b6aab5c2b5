/**
 * Whether Accept names the media type itself with a weight above 0 (RFC 9110, 12.5.1). Order and wildcards are ignored:
 * clients that read neither AVIF nor WebP send `image/*`.
 */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  const ranges = accept?.toLowerCase();
  if (!ranges?.includes(mediaType)) return false;
  return ranges
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim()))
    .some(([type, ...parameters]) => type === mediaType && !parameters.some((part) => /^q=0(\.0{0,3})?$/.test(part)));
}
