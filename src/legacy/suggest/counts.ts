/** Numbers by name, of which only so many are held: when there are more, the rarer half is let go and counted together. */
export class Counts {
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  /** Of names that were let go. */
  dropped = 0;
  total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string, by = 1): void {
    this.total += by;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
    if (this.#counts.size > this.#most) this.#halve();
  }

  /** The most frequent first. */
  sorted(): [name: string, count: number][] {
    return [...this.#counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  }

  /** The most frequent; undefined without any. */
  get first(): string | undefined {
    return this.sorted()[0]?.[0];
  }

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  #halve(): void {
    for (const [name, count] of this.sorted().slice(Math.ceil(this.#most / 2))) {
      this.#counts.delete(name);
      this.dropped += count;
    }
  }
}
