/** A preset offers at most so many sizes of its own: more are more objects in every CDN for little. */
const MOST_WIDTHS = 8;
/** Of all pixels that were asked for. */
const ALLOWED_WASTE = 0.05;

/**
 * The fewest widths whose next larger one costs at most ALLOWED_WASTE pixels more than what was asked for; all of them are widths that
 * were asked for. `asked`: pixels and how often.
 */
export function chooseWidths(asked: readonly (readonly [width: number, count: number])[]): number[] {
  const sizes = [...asked].sort(([a], [b]) => a - b);
  const total = sizes.reduce((sum, [width, count]) => sum + count * width * width, 0);
  for (let count = 1; count < MOST_WIDTHS; count += 1) {
    const { widths, waste } = best(sizes, count);
    if (waste <= ALLOWED_WASTE * total) return widths;
  }
  return best(sizes, MOST_WIDTHS).widths;
}

/** Which `count` of the sizes waste least, by dynamic programming: the last of the first `end` sizes is always chosen. */
function best(sizes: readonly (readonly [width: number, count: number])[], count: number) {
  // Sums of the first so many, so that each waste is one subtraction.
  const [times, squares] = [[0], [0]];
  for (const [at, [width, asked]] of sizes.entries()) {
    times.push((times[at] ?? 0) + asked);
    squares.push((squares[at] ?? 0) + asked * width * width);
  }
  const between = (sums: readonly number[], from: number, to: number) => (sums[to + 1] ?? 0) - (sums[from] ?? 0);
  const waste = (from: number, to: number) => {
    const [largest = 0] = sizes[to] ?? [];
    return largest * largest * between(times, from, to) - between(squares, from, to);
  };
  let row = sizes.map((_, end) => ({ waste: waste(0, end), widths: [sizes[end]?.[0] ?? 0] }));
  for (let chosen = 2; chosen <= Math.min(count, sizes.length); chosen += 1) {
    const before = row;
    row = sizes.map(([width], end) =>
      sizes.slice(0, end).reduce(
        (least, _, last) => {
          const { waste: spent = 0, widths = [] } = before[last] ?? {};
          const sum = spent + waste(last + 1, end);
          return sum < least.waste ? { waste: sum, widths: [...widths, width] } : least;
        },
        before[end] ?? { waste: 0, widths: [width] },
      ),
    );
  }
  return row.at(-1) ?? { waste: 0, widths: [] };
}
