export const within = (value: number, least: number, most: number) =>
  Math.min(Math.max(value, least), Math.max(least, most));
