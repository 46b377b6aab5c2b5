/** Pixels that stay empty on each side of a rendition, whole ones. */
export interface Padding {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

interface Padded {
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly padding?: Padding | undefined;
}

/** The padding of a request that leaves at least one pixel between its sides. */
export function paddingOf({ padding, width, height }: Padded): Padding | undefined {
  if (!padding) return undefined;
  const { top, right, bottom, left } = padding;
  const fit = (side: number, both: number, length: number | undefined) =>
    length === undefined || both < length ? side : Math.floor((side * (Math.ceil(length) - 1)) / both);
  return {
    ...{ top: fit(top, top + bottom, height), bottom: fit(bottom, top + bottom, height) },
    ...{ left: fit(left, left + right, width), right: fit(right, left + right, width) },
  };
}

/** What is left of a request inside its padding. */
export function withoutPadding<T extends Padded>(request: T, padding: Padding | undefined): T {
  if (!padding) return request;
  const { width, height } = request;
  const { top, right, bottom, left } = padding;
  const less = (length: number | undefined, by: number) =>
    length === undefined ? undefined : Math.max(1, length - by);
  return { ...request, padding: undefined, width: less(width, left + right), height: less(height, top + bottom) };
}
